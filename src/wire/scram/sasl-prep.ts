// SASLprep (RFC 4013) of a password, as PostgreSQL does it for SCRAM on both sides: a password that SASLprep refuses is used as it is.

/** Non-ASCII spaces (RFC 3454, C.1.2), which become spaces. */
const spaces = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu
/** Characters that are commonly mapped to nothing (B.1). */
// oxlint-disable-next-line no-misleading-character-class -- these are single characters
const nothing = /[\u00ad\u034f\u1806\u180b-\u180d\u200c\u200d\u2060\ufe00-\ufe0f\ufeff]/gu
/** Control characters, private use, surrogates, non-characters, and characters that change how text is shown (C.2 to C.9). */
const prohibited =
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  /[\u0000-\u001f\u007f-\u009f\u06dd\u070f\u180e\u2028-\u202e\u2061-\u2063\u206a-\u206f\u2ff0-\u2ffb\ufff9-\ufffd\u200e\u200f\p{Co}\p{Cs}\p{Noncharacter_Code_Point}\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]/u
const rightToLeft = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}]/u
const leftToRight =
  /[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u

export function saslPrep(password: string): string {
  // oxlint-disable-next-line no-control-regex -- ASCII is left as it is
  if (/^[\u0000-\u007f]*$/.test(password)) return password
  const prepared = password.replace(spaces, ' ').replace(nothing, '').normalize('NFKC')
  return prepared === '' || prohibited.test(prepared) || isMixed(prepared) ? password : prepared
}

/** Text from right to left must begin and end so, and contain nothing from left to right. */
function isMixed(text: string): boolean {
  if (!rightToLeft.test(text)) return false
  const characters = [...text]
  return leftToRight.test(text) || !rightToLeft.test(characters[0] ?? '') || !rightToLeft.test(characters.at(-1) ?? '')
}

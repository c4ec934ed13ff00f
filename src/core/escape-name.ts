// Makes names for places that allow only some characters. Any other character becomes an escape such as `_u0021_` with its
// code point in hexadecimal. Text that looks like an escape is escaped, too, so that different names stay different.

const looksEscaped = /_u[0-9a-fA-F]{2,8}_/g

/** `forbidden` matches one character, and has the flags `g` and `u`. */
export function escapeName(name: string, forbidden: RegExp): string {
  return name
    .replace(looksEscaped, (text) => [...text].map(escapeCharacter).join(''))
    .replace(forbidden, (character) => escapeCharacter(character))
}

export function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) as number
  return `_u${code.toString(16).padStart(code > 0x10000 ? 8 : 4, '0')}_`
}

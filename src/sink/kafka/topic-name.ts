// Makes names of Kafka topics. Letters, digits, dot, underscore and hyphen stay; any other character becomes an escape such as
// `_u0021_` with its code point in hexadecimal. Text that looks like an escape is escaped, so that names stay different.

const maxBytes = 249
const looksEscaped = /_u[0-9a-fA-F]{2,8}_/g
const forbidden = /[^a-zA-Z0-9._-]/gu

export function kafkaTopicName(name: string): string {
  const safe = name
    .replace(looksEscaped, (text) => [...text].map(escapeCharacter).join(''))
    .replace(forbidden, (character) => escapeCharacter(character))
  // Kafka does not allow these two names.
  const escaped = safe === '.' || safe === '..' ? safe.replaceAll('.', escapeCharacter('.')) : safe
  return escaped.slice(0, maxBytes)
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) as number
  return `_u${code.toString(16).padStart(code > 0xffff ? 8 : 4, '0')}_`
}

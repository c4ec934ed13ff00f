// Kafka topic names. Letters, digits, dot, underscore and hyphen stay; any other character becomes `_u0021_`, its code
// point in hexadecimal. What looks like such an escape already is escaped itself, so that names can be told apart.

const maxBytes = 249
const looksEscaped = /_u[0-9a-fA-F]{2,8}_/g
const forbidden = /[^a-zA-Z0-9._-]/gu

export function kafkaTopicName(name: string): string {
  const safe = name
    .replace(looksEscaped, (text) => [...text].map(escapeCharacter).join(''))
    .replace(forbidden, (character) => escapeCharacter(character))
  // Kafka has no topic of that name.
  const escaped = safe === '.' || safe === '..' ? safe.replaceAll('.', escapeCharacter('.')) : safe
  return escaped.slice(0, maxBytes)
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) as number
  return `_u${code.toString(16).padStart(code > 0xffff ? 8 : 4, '0')}_`
}

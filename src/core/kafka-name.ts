// Makes names of Kafka topics, which are also those of the subjects in a schema registry. Letters, digits, dot, underscore
// and hyphen stay.

import { escapeCharacter, escapeName } from './escape-name.ts'

const maxBytes = 249
const forbidden = /[^a-zA-Z0-9._-]/gu

export function kafkaTopicName(name: string): string {
  const safe = escapeName(name, forbidden)
  // Kafka does not allow these two names.
  const escaped = safe === '.' || safe === '..' ? safe.replaceAll('.', escapeCharacter('.')) : safe
  return escaped.slice(0, maxBytes)
}

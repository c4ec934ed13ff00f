// Makes names of Kafka topics, which are also those of the subjects in a schema registry. Letters, digits, dot, underscore
// and hyphen stay.

import { escapeCharacter, escapeName } from './escape-name.ts'

/** The longest name of a topic that Kafka takes. All its characters have one byte. */
export const maxTopicLength = 249
const forbidden = /[^a-zA-Z0-9._-]/gu

/** Cuts the name if it is too long. Statements with such a name are refused, because two tables could have the same name then; jobs of earlier versions may have one. */
export function kafkaTopicName(name: string): string {
  return wholeTopicName(name).slice(0, maxTopicLength)
}

export function wholeTopicName(name: string): string {
  const safe = escapeName(name, forbidden)
  // Kafka does not allow these two names.
  return safe === '.' || safe === '..' ? safe.replaceAll('.', escapeCharacter('.')) : safe
}

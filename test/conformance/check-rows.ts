// Row messages against those that a step expects, which may come in any order across keys; those of one key come in the order
// written.

import assert from 'node:assert/strict'
import { parseExactly } from './parse-exactly.ts'
import type { FeedMessage } from '../feed/test-feed.ts'
import type { Placeholders } from './placeholders.ts'

/** `foo: [1]->{"after": …}`, without the topic or without the key if `like` has none. The members of Avro are sorted. */
export function writtenAs(like: string, { topic, key, value }: FeedMessage): string {
  if (!like.includes('->')) return value
  const shown = /->\{"\w+":\S/.test(like) ? JSON.stringify(parseExactly(value, sorted)) : value
  return `${/^[\w.]+: /.test(like) ? `${topic}: ` : ''}${key}->${shown}`
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
}

export function checkRows(came: readonly string[], wanted: readonly string[], placeholders: Placeholders): void {
  const left = [...wanted]
  for (const text of came) {
    const index = left.findIndex((expected) => placeholders.pattern(expected).test(text))
    const all = `expected:\n${wanted.join('\n')}\ncame:\n${came.join('\n')}`
    assert.ok(index >= 0, `unexpected ${text}\n${all}`)
    placeholders.learn(left[index] as string, text)
    left.splice(index, 1)
  }
  const keyOf = (text: string): string => text.split('->')[0] ?? ''
  for (const key of new Set(wanted.map(keyOf))) {
    const ofKey = wanted.filter((text) => keyOf(text) === key)
    const cameOfKey = came.filter((text) => placeholders.pattern(key).test(keyOf(text)))
    for (const [index, text] of ofKey.entries()) assert.match(cameOfKey[index] ?? '', placeholders.pattern(text))
  }
}

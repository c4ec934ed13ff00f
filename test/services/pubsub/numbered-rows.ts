// Rows with numbers for tests of the Pub/Sub sink, what has come of them, and the answers of a Pub/Sub that does not take them.

import assert from 'node:assert/strict'
import type { status } from '@grpc/grpc-js'
import { MessageBatch } from '../../../src/core/message-batch.ts'
import type { PubsubSinkSpec } from '../../../src/sink/pubsub/spec.ts'
import { fill, type TestMessage } from '../../suites/sink-kit.ts'
import { readMessage } from './pubsub-destination.ts'
import type { PubsubFront, Trouble } from './pubsub-front.ts'

export const keys = 40

/** The nth row. Rows have so many keys by turns. */
export function row(n: number, filler = ''): TestMessage {
  return { key: `[${n % keys}]`, value: `{"after": {"n": ${n}, "text": "${filler}"}}` }
}

export function rows(from: number, count: number, filler = ''): MessageBatch {
  return fill(
    new MessageBatch(),
    Array.from({ length: count }, (_, i) => row(from + i, filler)),
  )
}

/** The numbers of the rows that were published, in order. */
export async function numbers(front: PubsubFront, { project }: Pick<PubsubSinkSpec, 'project'>): Promise<number[]> {
  front.check()
  const published = await front.published(project)
  return published
    .map(readMessage)
    .filter(({ key }) => key !== undefined)
    .map(({ value }) => (JSON.parse(value.toString()) as { after: { n: number } }).after.n)
}

/** All rows from 0 to `count` were published, those of each key in order; what comes again comes behind. */
export async function checkAll(front: PubsubFront, spec: PubsubSinkSpec, count: number): Promise<void> {
  const next = Array.from({ length: keys }, (_, key) => key)
  const seen = await numbers(front, spec)
  for (const n of seen) {
    const wanted = next[n % keys] as number
    assert.ok(n <= wanted, `${n} came, and before it ${wanted} is missing`)
    if (n === wanted) next[n % keys] = n + keys
  }
  assert.equal(new Set(seen).size, count)
}

/** Pub/Sub does not take a request. */
export const answers = (code: status, details = 'no'): Trouble => ({ code, details })

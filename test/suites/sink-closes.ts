// What a sink promises of its end: dispose lets go of everything, whatever the sink was in the middle of.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settlesWithin } from '../support/deadline.ts'
import { until } from '../support/until.ts'
import { MessageBatch } from '../../src/core/message-batch.ts'
import type { Sink } from '../../src/sink/sink.ts'
import { fill, numbered, resolvedAt, sinkWithinMs, type SinkKit } from './sink-kit.ts'

const endsWithinMs = 2000

export function sinkCloses(kit: SinkKit): void {
  const { skip = false, trouble } = kit

  test('dispose lets go of every connection, also with messages that nobody flushed', { skip }, async () => {
    const far = await kit.destination({ topics: 2 })
    const before = connections()
    for (const isEmitting of [false, true]) {
      const sink = await far.open(new AbortController().signal)
      if (isEmitting) {
        await sink.emit(fill(new MessageBatch(), numbered(0, 1000)))
        await sink.emitResolved(resolvedAt(1n))
      }
      await settlesWithin(endsWithinMs, 'the sink is disposed of', disposed(sink))
      await until('all connections are closed', sinkWithinMs, () => (connections() <= before ? true : undefined))
    }
  })

  test(
    `what was flushed before dispose is there afterwards, and the next sink goes on behind it`,
    { skip },
    async () => {
      const far = await kit.destination({ topics: 1 })
      for (const from of [0, 50]) {
        await using sink = await far.open(new AbortController().signal)
        await sink.emit(fill(new MessageBatch(), numbered(from, 50)))
        await sink.flush({ wall: 1n, logical: 0 })
      }
      const seen = await far.delivered?.()
      if (seen === undefined) return
      const numbers = seen.map(({ value }) => Number.parseInt(String(value), 10))
      assert.deepEqual(
        [...numbers].sort((a, b) => a - b),
        Array.from({ length: 100 }, (_, n) => n),
      )
    },
  )

  if (trouble === undefined) return
  test('dispose settles at once while the far end takes nothing', { skip }, async () => {
    const far = await kit.destination({ topics: 1 })
    const abort = new AbortController()
    const sink = await far.open(abort.signal)
    await far.break?.()
    try {
      // The call is left alone by whoever stops the feed.
      const emitting = sink.emit(fill(new MessageBatch(), numbered(0, 1000))).catch(() => undefined)
      await settlesWithin(endsWithinMs, 'the sink is disposed of', disposed(sink))
      abort.abort(new Error('the test is over'))
      await emitting
    } finally {
      await far.mend?.()
    }
  })
}

async function disposed(sink: Sink): Promise<void> {
  await sink[Symbol.asyncDispose]()
}

/** Connections that this process has open. */
function connections(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
}

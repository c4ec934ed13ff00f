// What a sink over lanes promises of its requests without any configuration: no message waits for others while the far end is idle, and
// many share a request while it is busy.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MessageBatch } from '../../src/core/message-batch.ts'
import { until } from '../support/until.ts'
import { assertNumbered } from './sink-delivers.ts'
import { fill, numbered, sinkWithinMs, type Destination, type SinkKit } from './sink-kit.ts'

const frontier = { wall: 1n, logical: 0 }

export function sinkBatches(kit: SinkKit): void {
  const { skip = false, sendsAtOnce = false } = kit
  if (!sendsAtOnce) return

  test(
    'a single message is sent to an idle far end at once: nobody flushes, and no other message comes',
    { skip },
    async () => {
      const far = await kit.destination({ topics: 1 })
      await using sink = await far.open(new AbortController().signal)
      // The first one may be sent twice, where the far end makes a place for it.
      await sink.emit(fill(new MessageBatch(), numbered(0, 1)))
      await sink.flush(frontier)
      for (let n = 1; n < 4; n++) {
        const before = requestsOf(far)
        await sink.emit(fill(new MessageBatch(), numbered(n, 1)))
        await until(`message ${n} arrives`, sinkWithinMs, async () =>
          (await far.delivered?.())?.length === n + 1 ? true : undefined,
        )
        assert.equal(requestsOf(far) - before, 1)
      }
    },
  )

  test('while the far end is busy, the messages that come meanwhile share requests', { skip }, async () => {
    const far = await kit.destination({ topics: 1 })
    await using sink = await far.open(new AbortController().signal)
    const count = 600
    const before = requestsOf(far)
    await far.break?.()
    // Each is emitted alone, as rows of small transactions are.
    for (let n = 0; n < count; n++) await sink.emit(fill(new MessageBatch(), numbered(n, 1)))
    await far.mend?.()
    await sink.flush(frontier)
    assertNumbered(await far.delivered?.(), count)
    const requests = requestsOf(far) - before
    assert.ok(requests <= count / 5, `${count} messages in ${requests} requests`)
  })
}

function requestsOf({ requests }: Destination): number {
  return requests?.() ?? assert.fail('the kit counts no requests')
}

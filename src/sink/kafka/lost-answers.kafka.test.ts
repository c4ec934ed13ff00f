import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { within } from '../../../test/support/until.ts'
import { endTogether } from '../../../test/support/services.ts'
import { startBehindThief, type AnswerThief } from '../../../test/services/kafka/answer-thief.ts'
import type { KafkaBroker } from '../../../test/services/kafka/kafka-broker.ts'
import { skipWithoutKafka as skip } from '../../../test/services/kafka/require-kafka.ts'
import { batchOf, checkNumbered, numbered, openSink, readAll, specOf } from '../../../test/services/kafka/sink-kit.ts'

const withinMs = 30_000
const count = 12_000
const step = 500
let thief: AnswerThief
let broker: KafkaBroker
before(async () => {
  if (skip !== false) return
  ;({ broker, thief } = await startBehindThief())
})
after(async () => {
  await endTogether(thief, broker)
})

for (const acks of ['all', 'one'] as const) {
  test(
    `acks ${acks}: batches that were written and whose answers were lost are sent again${acks === 'all' ? ', and written once' : ''}`,
    { skip },
    async () => {
      const name = `lost_${acks}`
      await broker.createTopic(name, 3)
      await using sink = await openSink(specOf(thief.bootstrap, name, { acks }))
      thief.stolen = 0
      for (let from = 0; from < count; from += step) {
        if (from % (step * 6) === step) thief.steal(1)
        await sink.emit(numbered(from, step))
        if (from % (step * 6) === step * 5) await sink.flush()
      }
      await sink.flush()
      assert.ok(thief.stolen > 1, `${thief.stolen} answers were stolen`)
      const repeats = checkNumbered(await readAll(thief.bootstrap, name, count), count)
      if (acks === 'all') assert.equal(repeats, 0)
      else assert.ok(repeats > 0, 'nothing was written twice: no answer of a written batch was stolen')
    },
  )
}

test(
  'a broker that stands still longer than a request may take gets everything in the end, once with acks all',
  { skip, timeout: 300_000 },
  async () => {
    await broker.createTopic('frozen', 3)
    const said: string[] = []
    await using sink = await openSink(
      specOf(thief.bootstrap, 'frozen', { acks: 'all', retry: { max: Number.POSITIVE_INFINITY, backoffMs: 50 } }),
      { requestMs: 2000, log: (_, text) => said.push(text) },
    )
    await sink.emit(numbered(0, step))
    await sink.flush()
    broker.freeze()
    try {
      await sink.emit(numbered(step, step))
      const flushing = sink.flush()
      await within(withinMs, 'the failed request', () => said.some((line) => line.includes('Request timed out')))
      broker.thaw()
      await flushing
    } finally {
      broker.thaw()
    }
    assert.match(said.join('\n'), /sending to Kafka failed: Request timed out; attempt 2 in 50 ms/)
    assert.equal(checkNumbered(await readAll(thief.bootstrap, 'frozen', 2 * step), 2 * step), 0)
  },
)

for (const acks of ['none', 'one', 'all'] as const) {
  test(
    `acks ${acks}: over connections that are cut at any byte nothing is lost and no version comes after a newer one`,
    { skip, timeout: 300_000 },
    async () => {
      const name = `cut_${acks}`
      const many = 150_000
      const size = 1500
      await broker.createTopic(name, 3)
      const spec = specOf(thief.bootstrap, name, { acks, retry: { max: 10, backoffMs: 1 } })
      thief.cuts = 0
      // A sink that fails is followed by another, which begins after the last flush, as a feed begins after its checkpoint.
      for (let flushed = 0, sinks = 0; flushed < many; sinks++) {
        assert.ok(sinks < 100, `${sinks} sinks failed`)
        try {
          await using sink = await openSink(spec)
          for (let from = flushed; from < many; from += size) {
            if (from % (size * 4) === 0) thief.cutAfter(1 + ((from * 7919) % 60_000))
            await sink.emit(numbered(from, size))
            // The pause lets requests be on their way, so that the connection breaks in the middle of them.
            if (from % (size * 20) !== size * 19) await delay(2)
            else {
              await sink.flush()
              flushed = from + size
            }
          }
        } catch {
          // The next sink begins after the last flush.
        }
      }
      thief.cutAfter(Number.POSITIVE_INFINITY)
      assert.ok(thief.cuts > 5, `${thief.cuts} connections were cut`)
      checkNumbered(await readAll(thief.bootstrap, name, many), many)
    },
  )
}

test('without acks memory is bounded while the broker reads nothing', { skip, timeout: 300_000 }, async () => {
  await broker.createTopic('unread')
  await using sink = await openSink(specOf(thief.bootstrap, 'unread', { acks: 'none' }))
  const value = 'x'.repeat(1000)
  const batches = 200
  let emitted = 0
  broker.freeze()
  try {
    const emitting = (async () => {
      for (; emitted < batches; emitted++)
        await sink.emit(batchOf(Array.from({ length: 500 }, (_, i) => [`[${emitted * 500 + i}]`, value])))
    })()
    let before = -1
    // That nothing more is accepted shows only when some time passes in which nothing is.
    for (; before !== emitted; await delay(1000)) before = emitted
    assert.ok(emitted < batches, 'a hundred megabytes were taken')
    broker.thaw()
    await emitting
  } finally {
    broker.thaw()
  }
  await sink.flush()
  assert.equal((await readAll(thief.bootstrap, 'unread', batches * 500)).length, batches * 500)
})

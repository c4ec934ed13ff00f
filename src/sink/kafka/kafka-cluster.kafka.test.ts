import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../../../test/support/until.ts'
import { KafkaBroker } from '../../../test/services/kafka/kafka-broker.ts'
import { skipWithoutKafka as skip } from '../../../test/services/kafka/require-kafka.ts'
import { batchOf, checkNumbered, numbered, openSink, readAll, specOf } from '../../../test/services/kafka/sink-kit.ts'
import { endTogether, startTogether } from '../../../test/support/services.ts'
import { partitionOf } from './partitioner.ts'

const withinMs = 60_000
const step = 500
const paceMs = 50
/** The controller, and two that can be killed. */
let first: KafkaBroker
let second: KafkaBroker
let third: KafkaBroker
before(async () => {
  if (skip !== false) return
  first = await KafkaBroker.start()
  ;[second, third] = await startTogether(KafkaBroker.start({ join: first }), KafkaBroker.start({ join: first }))
})
after(async () => {
  await endTogether(third, second, first)
})

const bothDie = (): string => `${second.bootstrap},${third.bootstrap}`

test(
  'acks all: leaders die under the load and come back; everything is there, once and in order',
  { skip, timeout: 500_000 },
  async () => {
    const name = 'moving'
    await first.placeTopic(name, [
      [second.nodeId, third.nodeId],
      [third.nodeId, second.nodeId],
      [second.nodeId, third.nodeId],
    ])
    await using sink = await openSink(specOf(bothDie(), name, { acks: 'all', retry: { max: 100, backoffMs: 50 } }))
    let emitted = 0
    let isOver = false
    const emitting = (async () => {
      for (; !isOver; emitted += step) {
        await sink.emit(numbered(emitted, step))
        await sink.flush()
        // Without pauses the brokers would not get enough of the processor.
        await delay(paceMs)
      }
    })()
    try {
      for (const broker of [second, third]) {
        await Promise.race([until('the load goes on', withinMs, moreThan(emitted)), emitting])
        await broker.kill()
        await Promise.race([until('the other one leads', withinMs, moreThan(emitted)), emitting])
        await broker.restart()
        await until('it is in sync again', withinMs, () => isInSync(name))
      }
    } finally {
      isOver = true
    }
    await emitting
    assert.equal(checkNumbered(await readAll(first.bootstrap, name, emitted), emitted), 0)

    function moreThan(before: number): () => true | undefined {
      return () => (emitted > before + step * 2 ? true : undefined)
    }
  },
)

function isInSync(topic: string): true | undefined {
  const { stdout } = first.tool(
    'org.apache.kafka.tools.TopicCommand',
    '--bootstrap-server',
    first.bootstrap,
    '--describe',
    '--topic',
    topic,
    '--under-replicated-partitions',
  )
  return stdout.trim() === '' ? true : undefined
}

/** A key that belongs to this partition of two. */
function keyOf(partition: number): string {
  for (let i = 0; ; i++) {
    const key = Buffer.from(`[${i}]`)
    if (partitionOf(key, 0, key.length, 2) === partition) return key.toString()
  }
}

test(
  'a partition without a leader does not hold up the others, and their success does not reset the number of its attempts',
  { skip, timeout: 500_000 },
  async () => {
    const name = 'halved'
    await first.placeTopic(name, [[second.nodeId], [third.nodeId]])
    const said: string[] = []
    await using sink = await openSink(specOf(first.bootstrap, name, { retry: { max: 6, backoffMs: 200 } }), {
      log: (_, text) => said.push(text),
    })
    await sink.emit(batchOf([[keyOf(0), 'first']]))
    await sink.flush()
    await second.kill()
    let failure: unknown
    let well = 0
    try {
      await sink.emit(batchOf([[keyOf(0), 'waits']]))
      await until('the sink gives up', withinMs, async () => {
        try {
          await sink.emit(batchOf([[keyOf(1), 'well']]))
          well += 1
        } catch (error) {
          failure = error
          return true
        }
        return undefined
      })
    } finally {
      await second.restart()
    }
    assert.match(
      (failure as Error).message,
      /has no leader at the moment|not the leader|ECONNREFUSED|closed/i,
      said.join('\n'),
    )
    const seen = await readAll(first.bootstrap, name, 2)
    assert.ok(well > 1)
    assert.ok(seen.some(({ value }) => value?.toString() === 'well'))
  },
)

test(
  'a broker that hangs is followed by the next one, which is asked for the partitions',
  { skip, timeout: 500_000 },
  async () => {
    const name = 'passed'
    await first.placeTopic(name, [[third.nodeId]])
    second.freeze()
    try {
      await using sink = await openSink(specOf(bothDie(), name))
      await sink.emit(numbered(0, step))
      await sink.flush()
    } finally {
      second.thaw()
    }
    assert.equal(checkNumbered(await readAll(first.bootstrap, name, step), step), 0)
  },
)

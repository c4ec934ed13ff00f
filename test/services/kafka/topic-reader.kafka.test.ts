// What a reader of topics does when the messages that come next are gone, and what `npm run kafka -- consume` says of it.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Producer } from '@platformatic/kafka'
import { Program } from '../../server/program.ts'
import { endTogether } from '../../support/services.ts'
import { continueProcesses, stopProcesses } from '../../support/stop-processes.ts'
import { until } from '../../support/until.ts'
import { KafkaBroker } from './kafka-broker.ts'
import { skipWithoutKafka as skip } from './require-kafka.ts'
import { TopicReader } from './topic-reader.ts'

const script = fileURLToPath(new URL('../../../scripts/kafka.ts', import.meta.url))
const withinMs = 30_000

let broker: KafkaBroker
before(async () => {
  if (skip === false) broker = await KafkaBroker.start()
})
after(() => endTogether(broker))

async function send(topic: string, ...values: readonly string[]): Promise<void> {
  const producer = new Producer({ clientId: 'test', bootstrapBrokers: [broker.bootstrap] })
  const messages = values.map((value) => ({ topic, key: Buffer.from('k'), value: Buffer.from(value) }))
  await producer.send({ messages })
  await producer.close()
}

/** A topic that was deleted a moment ago may be there for a moment longer. */
async function makeAnew(topic: string): Promise<void> {
  await broker.deleteTopic(topic)
  await until('the topic can be made again', withinMs, () =>
    broker.createTopic(topic).then(
      () => true,
      () => undefined,
    ),
  )
}

function consume(...topics: readonly string[]): Program {
  return new Program(['consume', ...topics, `--port=${broker.port}`], { script })
}

function says(run: Program, what: RegExp): Promise<unknown> {
  return until(`stderr has ${what}`, withinMs, () => what.test(run.stderr) || undefined)
}

test(
  'a topic that is made anew ends a reader with an error: messages would come twice or never',
  { skip },
  async () => {
    await broker.createTopic('counted')
    await send('counted', 'a', 'b')
    const seen: string[] = []
    const reader = new TopicReader(broker.bootstrap, ['counted'], ({ value }) => seen.push(String(value)))
    await reader.drained(withinMs)
    await makeAnew('counted')
    // More than before, so that the offset is one that the topic has.
    await send('counted', 'c', 'd', 'e')
    const error = /^Error: topic counted was made anew, and this reader has read messages of before$/
    await assert.rejects(async () => {
      for (;;) await reader.drained(withinMs)
    }, error)
    await assert.rejects(async () => await reader[Symbol.asyncDispose](), error)
    assert.deepEqual(seen, ['a', 'b'])
  },
)

test(
  'a topic of which no message was read may be made anew, and a reader begins where a topic begins',
  { skip },
  async () => {
    await broker.createTopic('quiet')
    const seen: string[] = []
    await using reader = new TopicReader(broker.bootstrap, ['quiet'], ({ value }) => seen.push(String(value)))
    await reader.drained(withinMs)
    await makeAnew('quiet')
    await send('quiet', 'a', 'b', 'c')
    await until('its messages', withinMs, () => seen.length === 3 || undefined)
    await broker.deleteRecords('quiet', 0, 2n)
    const late: string[] = []
    await using other = new TopicReader(broker.bootstrap, ['quiet'], ({ value }) => late.push(String(value)))
    await other.drained(withinMs)
    assert.deepEqual([seen, late], [['a', 'b', 'c'], ['c']])
  },
)

test('consume reads a topic that is made anew from its start, and says so', { skip }, async () => {
  await broker.createTopic('dogs')
  await send('dogs', 'a', 'b')
  await using run = consume('dogs')
  assert.deepEqual(await run.lines(2), ['k\ta', 'k\tb'])
  await makeAnew('dogs')
  await send('dogs', 'c', 'd', 'e')
  assert.deepEqual((await run.lines(5)).slice(2), ['k\tc', 'k\td', 'k\te'])
  assert.match(run.stderr, /\ntopic dogs was made anew: reading from its start\n$/)
})

test(
  'consume goes on where a partition begins when its next messages were deleted, and says so',
  { skip },
  async () => {
    await broker.createTopic('cats')
    await send('cats', 'a')
    await using run = consume('cats')
    assert.deepEqual(await run.lines(1), ['k\ta'])
    stopProcesses([run.pid])
    // Its last request waits at the broker for a tenth of a second, and would be answered with the messages.
    await delay(1000)
    await send('cats', 'b', 'c', 'd')
    await broker.deleteRecords('cats', 0, 3n)
    continueProcesses([run.pid])
    assert.deepEqual((await run.lines(2)).slice(1), ['k\td'])
    assert.match(
      run.stderr,
      /\npartition 0 of topic cats does not have offset 1 and begins with 3 now: reading from its start\n$/,
    )
  },
)

test(
  'consume says that the broker is gone and that one is there again, and misses nothing of an empty one',
  { skip },
  async () => {
    const { port } = broker
    await broker.createTopic('birds')
    await send('birds', 'a', 'b')
    await using run = consume('birds')
    assert.deepEqual(await run.lines(2), ['k\ta', 'k\tb'])
    await broker[Symbol.asyncDispose]()
    await says(run, new RegExp(`\nthe broker on localhost:${port} does not answer: waiting for it\n$`))
    broker = await KafkaBroker.start({ port })
    await says(run, new RegExp(`: waiting for it\nthe broker on localhost:${port} answers again\n$`))
    await broker.createTopic('birds')
    await send('birds', 'c', 'd', 'e')
    assert.deepEqual((await run.lines(5)).slice(2), ['k\tc', 'k\td', 'k\te'])
    assert.match(run.stderr, /answers again\ntopic birds was made anew: reading from its start\n$/)
  },
)

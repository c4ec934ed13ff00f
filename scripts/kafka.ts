// `npm run kafka`: a Kafka broker on 127.0.0.1:9092 for whoever wants to try the walkthrough without one of their own.
// `npm run kafka -- consume TOPIC`: what is in a topic, with keys, as it comes. Needs Java and Maven; ends with Ctrl-C.

import { parseArgs } from 'node:util'
import { KafkaBroker } from '../test/services/kafka/kafka-broker.ts'
import { kafkaIsMissing } from '../test/services/kafka/kafka-jars.ts'
import { TopicReader } from '../test/services/kafka/topic-reader.ts'

const { values, positionals } = parseArgs({
  options: { port: { type: 'string', default: '9092' } },
  allowPositionals: true,
})
const port = Number(values.port)
const [command, ...topics] = positionals
if (command === 'consume' && topics.length > 0) consume(topics)
else if (command === undefined) await serve()
else {
  console.error('usage: npm run kafka [-- --port=9092]   or   npm run kafka -- consume TOPIC…')
  process.exitCode = 1
}

async function serve(): Promise<void> {
  const missing = kafkaIsMissing()
  if (missing !== undefined) {
    console.error(`a broker needs Java 17 and Maven: ${missing}`)
    process.exitCode = 1
    return
  }
  const broker = await KafkaBroker.start({ port, jvmFlags: [] })
  console.log(`Kafka listens on localhost:${port}; what it holds goes when it ends (Ctrl-C).

Send a changefeed to it, in a SQL session:
  CREATE CHANGEFEED FOR TABLE t INTO 'kafka://localhost:${port}';
See what arrives, in another terminal:
  npm run kafka -- consume t
`)
  const { promise, resolve } = Promise.withResolvers<void>()
  process.once('SIGINT', () => resolve())
  process.once('SIGTERM', () => resolve())
  await promise
  await broker[Symbol.asyncDispose]()
}

function consume(names: readonly string[]): void {
  const reader = new TopicReader(`localhost:${port}`, names, ({ topic, key, value }) => {
    const shown = names.length > 1 ? `${topic}\t` : ''
    console.log(`${shown}${key?.toString() ?? 'null'}\t${value?.toString() ?? 'null'}`)
  })
  process.once('SIGINT', () => void reader[Symbol.asyncDispose]())
}

// `npm run kafka`: a Kafka broker on 127.0.0.1:9092 for whoever wants to try the walkthrough without one of their own.
// `npm run kafka -- consume TOPIC`: what is in a topic, with keys, as it comes. Needs Java and Maven; ends with Ctrl-C.

import { connect } from 'node:net'
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
// `a|b` as well as `a b`: the former is what Kafka's own consumer takes.
if (command === 'consume' && topics.length > 0) await consume(topics.flatMap((topic) => topic.split('|')))
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
  if (await answers()) {
    console.error(`something listens on localhost:${port} already; another port: npm run kafka -- --port=${port + 1}`)
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
  const stopped = Promise.withResolvers<void>()
  // Ctrl-C may come twice, from the terminal and from npm: the second must not cut the first short.
  process.on('SIGINT', () => stopped.resolve())
  process.on('SIGTERM', () => stopped.resolve())
  void broker.endedByItself.then(() => {
    console.error('the broker has ended by itself')
    process.exitCode = 1
    stopped.resolve()
  })
  await stopped.promise
  await broker[Symbol.asyncDispose]()
}

async function consume(names: readonly string[]): Promise<void> {
  // On stderr, so that whoever pipes the messages elsewhere has nothing but them.
  if (await answers())
    console.error(`waiting for topic ${names.join(', ')} and its messages on localhost:${port} (Ctrl-C ends)`)
  else console.error(`nothing listens on localhost:${port} yet: npm run kafka`)
  const reader = new TopicReader(`localhost:${port}`, names, ({ topic, key, value }) => {
    const shown = names.length > 1 ? `${topic}\t` : ''
    console.log(`${shown}${key?.toString() ?? 'null'}\t${value?.toString() ?? 'null'}`)
  })
  process.once('SIGINT', () => void reader[Symbol.asyncDispose]())
}

/** Whether somebody takes connections on the port. */
async function answers(): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(port, '127.0.0.1')
  socket.once('connect', () => resolve(true))
  socket.once('error', () => resolve(false))
  const isThere = await promise
  socket.destroy()
  return isThere
}

// `npm run kafka`: a Kafka broker on 127.0.0.1:9092 for whoever wants to try the walkthrough without one of their own; with
// `-- --registry` a schema registry on 127.0.0.1:8081 beside it.
// `npm run kafka -- consume TOPIC`: what is in a topic, with keys, as it comes. Needs Java and Maven; ends with Ctrl-C.

import { connect } from 'node:net'
import { parseArgs } from 'node:util'
import { KafkaBroker } from '../test/services/kafka/kafka-broker.ts'
import { kafkaIsMissing } from '../test/services/kafka/kafka-jars.ts'
import { TopicReader, type TopicMessage } from '../test/services/kafka/topic-reader.ts'
import { RegistryFront } from '../test/services/registry/registry-front.ts'
import { SchemaRegistryServer } from '../test/services/registry/schema-registry.ts'
import { endTogether, startTogether } from '../test/support/services.ts'
import { MessageText } from './message-text.ts'

const defaultRegistry = 'http://localhost:8081'
const usage = `usage: npm run kafka [-- --port=9092] [--registry[=${defaultRegistry}]]
       npm run kafka -- consume TOPIC… [--port=9092] [--registry=${defaultRegistry}]`

const { values, positionals } = parsed()
const port = Number(values.port)
const registryUrl = URL.parse(values.registry ?? defaultRegistry)
const [command, ...topics] = positionals
if (values.help === true) console.log(usage)
else if (registryUrl === null) refuse(usage)
// `a|b` as well as `a b`: the former is what Kafka's own consumer takes.
else if (command === 'consume' && topics.length > 0)
  await consume(
    topics.flatMap((topic) => topic.split('|')),
    registryUrl,
  )
else if (command === undefined) await serve(values.registry === undefined ? undefined : registryUrl)
else refuse(usage)

function parsed() {
  try {
    return parseArgs({
      args: process.argv.slice(2).map((arg) => (arg === '--registry' ? `--registry=${defaultRegistry}` : arg)),
      options: {
        port: { type: 'string', default: '9092' },
        registry: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
      allowPositionals: true,
    })
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}`)
    process.exit(1)
  }
}

async function serve(registryAt: URL | undefined): Promise<void> {
  const missing = kafkaIsMissing()
  if (missing !== undefined) return refuse(`a broker needs Java 17 and Maven: ${missing}`)
  if (await answers(port)) {
    const other = `npm run kafka -- --port=${port + 1}${values.registry === undefined ? '' : ` --registry=${values.registry}`}`
    return refuse(`something listens on localhost:${port} already; another port: ${other}`)
  }
  const registryPort = Number(registryAt?.port || 80)
  if (registryAt !== undefined && (await answers(registryPort))) {
    const other = `npm run kafka -- --port=${port} --registry=http://localhost:${registryPort + 1}`
    return refuse(`something listens on localhost:${registryPort} already; another port: ${other}`)
  }
  console.log('starting; the first time the programs are downloaded, which takes a minute or more')
  const stopped = Promise.withResolvers<void>()
  const started = await startTogether(
    KafkaBroker.start({ port, jvmFlags: [] }),
    registryAt === undefined ? nothing() : startRegistry(registryPort, stopped.resolve),
  ).catch((error: unknown) =>
    refuse(`it could not be started: ${error instanceof Error ? error.message : String(error)}`),
  )
  if (started === undefined) return
  const [broker, registry] = started
  const format = registryAt && ` WITH format = avro, confluent_schema_registry = '${registryAt.origin}'`
  const listens = registryAt
    ? `Kafka listens on localhost:${port}, a schema registry on ${registryAt.origin}; what they hold goes when they end`
    : `Kafka listens on localhost:${port}; what it holds goes when it ends`
  console.log(`${listens} (Ctrl-C).

Send a changefeed to it, in a SQL session:
  CREATE CHANGEFEED FOR TABLE t INTO 'kafka://localhost:${port}'${format ?? ''};
See what arrives, in another terminal:
  npm run kafka -- consume t${consumeFlags(registryAt)}
`)
  // Ctrl-C may come twice, from the terminal and from npm: the second must not cut the first short.
  process.on('SIGINT', () => stopped.resolve())
  process.on('SIGTERM', () => stopped.resolve())
  void broker.endedByItself.then(() => {
    refuse('the broker has ended by itself')
    stopped.resolve()
  })
  await stopped.promise
  await endTogether(broker, registry)
}

/** At an address without a path, as the walkthrough writes it. */
async function startRegistry(at: number, hasEnded: () => void): Promise<AsyncDisposable> {
  const registry = await SchemaRegistryServer.start()
  const front = await RegistryFront.start({ to: registry.url, port: at })
  void registry.endedByItself.then(() => {
    refuse('the schema registry has ended by itself')
    hasEnded()
  })
  return { [Symbol.asyncDispose]: () => endTogether(front, registry) }
}

async function nothing(): Promise<AsyncDisposable> {
  return { [Symbol.asyncDispose]: async () => undefined }
}

async function consume(names: readonly string[], registryAt: URL): Promise<void> {
  // On stderr, so that whoever pipes the messages elsewhere has nothing but them.
  let isThere = await answers(port)
  if (isThere)
    console.error(`waiting for topic ${names.join(', ')} and its messages on localhost:${port} (Ctrl-C ends)`)
  else console.error(`nothing listens on localhost:${port} yet: npm run kafka`)
  const newText = (): MessageText => new MessageText(registryAt.href, (why) => console.error(why))
  let text = newText()
  let printed = Promise.resolve()
  const print = ({ topic, key, value }: TopicMessage): void => {
    const shown = names.length > 1 ? `${topic}\t` : ''
    printed = printed.then(async () => console.log(`${shown}${await text.of(key)}\t${await text.of(value)}`))
  }
  const reader = new TopicReader(`localhost:${port}`, names, print, {
    onRestart(why) {
      console.error(`${why}: reading from its start`)
      // A registry that was started anew counts its schemas from 1 again.
      printed = printed.then(() => void (text = newText()))
    },
    onBroker(nowThere) {
      if (nowThere !== isThere)
        console.error(
          `the broker on localhost:${port} ${nowThere ? 'answers again' : 'does not answer: waiting for it'}`,
        )
      isThere = nowThere
    },
  })
  process.once('SIGINT', () => void reader[Symbol.asyncDispose]())
}

function consumeFlags(registryAt: URL | undefined): string {
  const ofPort = port === 9092 ? '' : ` --port=${port}`
  const isFound = registryAt === undefined || registryAt.origin === defaultRegistry
  return ofPort + (isFound ? '' : ` --registry=${registryAt.origin}`)
}

function refuse(why: string): void {
  console.error(why)
  process.exitCode = 1
}

/** Whether somebody takes connections on the port. */
async function answers(at: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(at, '127.0.0.1')
  socket.once('connect', () => resolve(true))
  socket.once('error', () => resolve(false))
  const isThere = await promise
  socket.destroy()
  return isThere
}

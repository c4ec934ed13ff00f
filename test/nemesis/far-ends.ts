// What the nemesis can run over: each sink by its name, with a server under test and the far end. The tests and `npm run nemesis` start them
// from this list.

import { TestServer } from '../server/test-server.ts'
import { skipWithoutGo } from '../services/go-program.ts'
import { startBehindThief } from '../services/kafka/answer-thief.ts'
import { skipWithoutKafka } from '../services/kafka/require-kafka.ts'
import { PubsubFront } from '../services/pubsub/pubsub-front.ts'
import { PubsubServer } from '../services/pubsub/pubsub-server.ts'
import { Azurite, azuriteIsMissing } from '../services/storage/azurite-service.ts'
import { FakeGcs } from '../services/storage/fake-gcs.ts'
import { FolderCopy } from '../services/storage/folder-copy.ts'
import { PutServer } from '../services/storage/put-server.ts'
import { Versitygw } from '../services/storage/versitygw.ts'
import { HookServer } from '../services/webhook/hook-server.ts'
import { CutGate } from '../support/cut-gate.ts'
import { endTogether, startTogether } from '../support/services.ts'
import { TinyRegistry } from '../support/tiny-registry.ts'
import { azurePlace } from './azure-place.ts'
import { databaseOf, runOverConnection } from './connection-run.ts'
import type { NemesisFarEnd } from './far-end.ts'
import { filesFarEnd } from './files-far-end.ts'
import { gsPlace } from './gs-place.ts'
import { jobDatabaseOf, runJob } from './job-run.ts'
import { kafkaFarEnd } from './kafka-far-end.ts'
import { pubsubFarEnd } from './pubsub-far-end.ts'
import { s3Place } from './s3-place.ts'
import { nodelocalFarEnd } from './nodelocal-far-end.ts'
import type { NemesisFormat } from './seeds.ts'
import { webhookFarEnd } from './webhook-far-end.ts'
import { webPlace } from './web-place.ts'

export interface NemesisRun {
  readonly seed: number
  readonly format: NemesisFormat
  readonly disturbances: number
  /** What is done is written down here. */
  readonly said: string[]
}

/** A server and what its changefeeds write to. They outlive the runs. */
export interface Nemesis extends AsyncDisposable {
  readonly server: TestServer
  /** Gives a line about what happened; throws what the validators found. */
  run(run: NemesisRun): Promise<string>
  /** The name of the database of a run. */
  database(run: Pick<NemesisRun, 'seed' | 'format'>): string
}

export interface NemesisKind {
  /** The test file, as scripts/test.ts takes it. */
  readonly file: string
  /** Why it cannot run here. */
  readonly skip: string | false
  /** How many disturbances a run has if nobody says another number. */
  readonly disturbances: number
  readonly formats: readonly NemesisFormat[]
  start(): Promise<Nemesis>
}

export type NemesisName = 'core' | 'kafka' | 'nodelocal' | 'files' | 's3' | 'gs' | 'azure' | 'webhook' | 'pubsub'

const ofJobs = { skip: false, disturbances: 12, formats: ['json'] } as const satisfies Partial<NemesisKind>

export const nemeses: Readonly<Record<NemesisName, NemesisKind>> = {
  core: { file: 'nemesis.crash.test', skip: false, disturbances: 25, formats: ['json'], start: startCore },
  kafka: {
    ...ofJobs,
    file: 'nemesis-kafka.crash.test',
    skip: skipWithoutKafka,
    formats: ['json', 'avro'],
    start: startKafka,
  },
  nodelocal: { ...ofJobs, file: 'nemesis-nodelocal.crash.test', disturbances: 15, start: startNodelocal },
  files: { ...ofJobs, file: 'nemesis-files.crash.test', start: startFiles },
  s3: { ...ofJobs, file: 'nemesis-s3.crash.test', skip: skipWithoutGo, start: startS3 },
  gs: { ...ofJobs, file: 'nemesis-gs.crash.test', skip: skipWithoutGo, start: startGs },
  azure: {
    ...ofJobs,
    file: 'nemesis-azure.crash.test',
    // It is installed when somebody asks.
    get skip() {
      return azuriteIsMissing() ?? false
    },
    start: startAzure,
  },
  webhook: { ...ofJobs, file: 'nemesis-webhook.crash.test', start: startWebhook },
  pubsub: { ...ofJobs, file: 'nemesis-pubsub.crash.test', skip: skipWithoutGo, start: startPubsub },
}

function startServer(): Promise<TestServer> {
  return TestServer.start({ hasGate: true })
}

async function startCore(): Promise<Nemesis> {
  const server = await startServer()
  return {
    server,
    run: ({ seed, disturbances, said }) => runOverConnection({ server, seed, disturbances, said }),
    database: ({ seed }) => databaseOf(seed),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

/** The gate of the server is in this process, which what is started before it may keep busy for many seconds: it compiles, or runs tools. */
async function startKafka(): Promise<Nemesis> {
  await using opened = new AsyncDisposableStack()
  const behind = opened.use(await startBehindThief())
  const server = await startServer()
  return overJob(server, kafkaFarEnd(behind.broker, behind.thief), [opened.move()])
}

async function startFiles(): Promise<Nemesis> {
  const server = await startServer()
  const web = new PutServer()
  return overJob(server, filesFarEnd(webPlace(web, await web.start())), [web])
}

async function startS3(): Promise<Nemesis> {
  await using opened = new AsyncDisposableStack()
  const s3 = opened.use(await Versitygw.start())
  await s3.makeBucket('nemesis')
  const server = await startServer()
  return overJob(server, filesFarEnd(s3Place(s3, 'nemesis')), [opened.move()])
}

async function startGs(): Promise<Nemesis> {
  await using opened = new AsyncDisposableStack()
  const gcs = opened.use(await FakeGcs.start({ wantsToken: false }))
  await gcs.makeBucket('nemesis')
  const copy = opened.use(new FolderCopy(gcs.source('nemesis')))
  // The program is started with this environment, again and again. It sends no token then.
  process.env['STORAGE_EMULATOR_HOST'] = gcs.front.url
  const server = await startServer()
  return overJob(server, filesFarEnd(gsPlace(gcs, 'nemesis', copy)), [opened.move()])
}

async function startAzure(): Promise<Nemesis> {
  await using opened = new AsyncDisposableStack()
  const azurite = opened.use(await Azurite.start())
  await azurite.container('nemesis').create()
  const copy = opened.use(new FolderCopy(azurite.source('nemesis')))
  const server = await startServer()
  return overJob(server, filesFarEnd(azurePlace(azurite, 'nemesis', copy)), [opened.move()])
}

async function startWebhook(): Promise<Nemesis> {
  const [server, hooks] = await startTogether(startServer(), HookServer.start())
  return overJob(server, webhookFarEnd(hooks), [hooks])
}

async function startPubsub(): Promise<Nemesis> {
  await using opened = new AsyncDisposableStack()
  const pubsub = opened.use(await PubsubServer.start())
  const front = opened.use(await PubsubFront.start({ server: pubsub }))
  const gate = opened.use(await CutGate.open(front.port))
  // The program is started with this environment, again and again.
  process.env['PUBSUB_EMULATOR_HOST'] = `127.0.0.1:${gate.port}`
  const server = await startServer()
  return overJob(server, pubsubFarEnd(front, gate), [opened.move()])
}

async function startNodelocal(): Promise<Nemesis> {
  const server = await startServer()
  return overJob(server, nodelocalFarEnd(server), [])
}

function overJob(server: TestServer, farEnd: NemesisFarEnd, services: readonly AsyncDisposable[]): Nemesis {
  return {
    server,
    async run({ format, ...run }) {
      await using registry = format === 'avro' ? await TinyRegistry.start() : undefined
      return await runJob({ server, farEnd, registry, ...run })
    },
    database: ({ seed, format }) => jobDatabaseOf(farEnd, seed, format),
    [Symbol.asyncDispose]: () => endTogether(server, ...services),
  }
}

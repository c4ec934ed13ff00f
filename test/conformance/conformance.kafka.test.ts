import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../server/test-server.ts'
import { KafkaBroker } from '../services/kafka/kafka-broker.ts'
import { skipWithoutKafka } from '../services/kafka/require-kafka.ts'
import { skipWithoutGo } from '../services/go-program.ts'
import { PubsubServer } from '../services/pubsub/pubsub-server.ts'
import { skipWithoutRegistry } from '../services/registry/require-registry.ts'
import { SchemaRegistryServer } from '../services/registry/schema-registry.ts'
import { endTogether, startTogether } from '../support/services.ts'
import { adapted, isJob } from './adaptations.ts'
import { folder, readCases, type ConformanceCase } from './cases.ts'
import { notYet } from './not-yet.ts'
import { runCase, type CaseWorld } from './run-case.ts'
import { functionCheck } from './run-function-case.ts'
import { runJobCase } from './run-job-case.ts'
import { runPubsubCase } from './run-pubsub-case.ts'
import { runStorageCase } from './run-storage-case.ts'
import { runWebhookCase } from './run-webhook-case.ts'

const cases = readCases()

function skipOf({ feed }: ConformanceCase): string | false {
  if (feed.includes('<kafka>') && skipWithoutKafka !== false) return skipWithoutKafka
  if (feed.includes('<project>')) return skipWithoutGo
  return feed.includes('<registry>') ? skipWithoutRegistry : false
}

function runnerOf(changed: ConformanceCase): (world: CaseWorld, changed: ConformanceCase) => Promise<void> {
  if (changed.area === 'pubsub') return runPubsubCase
  return isJob(changed) ? runJobCase : runCase
}

/** The program is started with the address of Pub/Sub in its environment. */
async function startServer(): Promise<TestServer> {
  if (skipWithoutGo === false) {
    pubsub = await PubsubServer.start()
    process.env['PUBSUB_EMULATOR_HOST'] = pubsub.address
  }
  return TestServer.start()
}

let server: TestServer
let broker: KafkaBroker | undefined
let registry: SchemaRegistryServer | undefined
let pubsub: PubsubServer | undefined
const nothing = async (): Promise<undefined> => undefined

if (cases === undefined) {
  const why = `the conformance data is not at ${folder}`
  test('the conformance data is there', { skip: process.env['CI'] === undefined ? why : false }, () => assert.fail(why))
} else {
  before(async () => {
    ;[server, broker, registry] = await startTogether<
      [TestServer, KafkaBroker | undefined, SchemaRegistryServer | undefined]
    >(
      startServer(),
      skipWithoutKafka === false ? KafkaBroker.start() : nothing(),
      skipWithoutRegistry === false ? SchemaRegistryServer.start() : nothing(),
    )
  })
  after(async () => {
    await endTogether(server, broker, registry, pubsub)
  })

  for (const original of cases) {
    const reason = notYet[original.id]
    const changed = adapted(original)
    const run = async (): Promise<void> => {
      const check = functionCheck(changed)
      if (check !== undefined) check(changed)
      else if (changed.area === 'cloudstorage') await runStorageCase(changed)
      else if (changed.area === 'webhook') await runWebhookCase(changed)
      else await runnerOf(changed)({ server, broker, registry, pubsub }, changed)
    }
    test(
      `${original.area} ${original.id}${reason === undefined ? '' : ` does not pass yet: ${reason.why}`}`,
      { timeout: 180_000, skip: skipOf(changed) },
      async () => {
        if (reason === undefined) await run()
        // It fails as is known, and in no other way.
        else await assert.rejects(run, reason.fails, 'it passes: take it out of the list')
      },
    )
  }

  test('the list of what does not pass names only cases that exist', () => {
    const ids = new Set(cases.map(({ id }) => id))
    assert.deepEqual(
      Object.keys(notYet).filter((id) => !ids.has(id)),
      [],
    )
  })
}

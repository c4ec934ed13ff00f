import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { FeedError } from '../../errors/feed-error.ts'
import { until } from '../../../test/support/until.ts'
import { KafkaBroker } from '../../../test/services/kafka/kafka-broker.ts'
import { skipWithoutKafka as skip } from '../../../test/services/kafka/require-kafka.ts'
import {
  batchOf,
  checkNumbered,
  numbered,
  openSink,
  readAll,
  resolvedAt,
  specOf,
} from '../../../test/services/kafka/sink-kit.ts'
import type { KafkaSinkSpec } from './spec.ts'
import { dial } from './open.ts'

const withinMs = 30_000
let broker: KafkaBroker
before(async () => {
  if (skip !== false) return
  broker = await KafkaBroker.start({
    security: true,
    properties: [
      'auto.create.topics.enable=false',
      'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      // Only clients of the plain listener are allowed everything.
      'super.users=User:ANONYMOUS',
    ],
  })
})
after(async () => broker?.[Symbol.asyncDispose]())

test(
  'partitions that are added get rows from the next flush on, also without resolved messages',
  { skip },
  async () => {
    await broker.createTopic('grown')
    await using sink = await openSink(specOf(broker.bootstrap, 'grown'), { refreshMs: 0 })
    await sink.emit(numbered(0, 500))
    await sink.flush()
    await broker.growTopic('grown', 4)
    let emitted = 500
    await until('rows come into the new partitions', withinMs, async () => {
      await sink.emit(numbered(emitted, 500))
      emitted += 500
      await sink.flush()
      const seen = await readAll(broker.bootstrap, 'grown', emitted)
      return new Set(seen.map(({ partition }) => partition)).size === 4 ? true : undefined
    })
  },
)

test(
  'a topic that is deleted and created again with fewer partitions ends the sink, and the next sink uses it',
  { skip },
  async () => {
    await broker.createTopic('anew', 4)
    const spec = specOf(broker.bootstrap, 'anew', { retry: { max: Number.POSITIVE_INFINITY, backoffMs: 50 } })
    {
      await using sink = await openSink(spec)
      await sink.emit(numbered(0, 500))
      await sink.flush()
      await broker.deleteTopic('anew')
      await sink.emit(numbered(500, 500))
      const flushing = sink.flush()
      await Promise.all([
        until('the topic can be made again', withinMs, () =>
          broker.createTopic('anew', 2).then(
            () => true,
            () => undefined,
          ),
        ),
        assert.rejects(
          flushing,
          /topic anew was deleted and made anew under the changefeed: it goes on from its checkpoint/,
        ),
      ])
    }
    await using sink = await openSink(spec)
    await sink.emit(numbered(0, 1000))
    await sink.flush()
    checkNumbered(await readAll(broker.bootstrap, 'anew', 1000), 1000)
  },
)

test(
  'a topic that the brokers do not create is named, with the command that creates it',
  { skip, timeout: 180_000 },
  async () => {
    await assert.rejects(dial(specOf(broker.bootstrap, 'nowhere'), { resolved: true }), (error: FeedError) => {
      assert.equal(
        error.message,
        'Kafka has no topic nowhere, and its brokers do not create it (auto.create.topics.enable)',
      )
      assert.equal(
        error.hint,
        `kafka-topics.sh --bootstrap-server ${broker.bootstrap} --create --topic nowhere --partitions 1`,
      )
      return true
    })
  },
)

test(
  'an error says what Kafka does not let the user do, with the command that allows it',
  { skip, timeout: 300_000 },
  async () => {
    const { security } = broker
    assert.ok(security)
    await broker.createTopic('guarded')
    const spec = (changed: Partial<KafkaSinkSpec> = {}): KafkaSinkSpec =>
      specOf(`localhost:${broker.saslPort}`, 'guarded', {
        tls: { ca: security.ca, cert: undefined, key: undefined, verify: true },
        sasl: { mechanism: 'SCRAM-SHA-512', user: security.user, password: security.password },
        ...changed,
      })
    const allow = (operation: string): void => {
      const { stderr } = broker.tool(
        'org.apache.kafka.tools.AclCommand',
        '--bootstrap-server',
        broker.bootstrap,
        '--add',
        '--allow-principal',
        `User:${security.user}`,
        '--operation',
        operation,
        '--topic',
        'guarded',
      )
      assert.doesNotMatch(stderr, /Error/)
    }
    const denied = async (work: Promise<unknown>, message: RegExp, hint: RegExp): Promise<void> => {
      await assert.rejects(work, (error: FeedError) => {
        assert.match(error.message, message)
        assert.match(error.hint ?? '', hint)
        return true
      })
    }
    const write = /^Kafka does not let this user write topic guarded \(TOPIC_AUTHORIZATION_FAILED\)$/
    const acl =
      /^kafka-acls\.sh --bootstrap-server localhost:\d+ --add --allow-principal User:NAME --operation Write --operation Create --topic guarded$/
    await denied(dial(spec(), { resolved: true }), write, acl)
    allow('Describe')
    // Also when the topic is seen, and before anything is sent.
    await denied(dial(spec(), { resolved: true }), write, acl)
    {
      await using sink = await openSink(spec())
      await sink.emit(batchOf([['[1]', 'one']]))
      await denied(sink.flush(), write, acl)
    }
    await denied(
      dial(spec({ acks: 'all' }), { resolved: true }),
      /write idempotently, as RequiredAcks ALL does \(CLUSTER_AUTHORIZATION_FAILED\)$/,
      /--operation IdempotentWrite --cluster$/,
    )
    allow('Write')
    await dial(spec({ acks: 'all' }), { resolved: true })
    await using sink = await openSink(spec({ acks: 'all' }))
    await sink.emit(numbered(0, 100))
    await sink.flush()
    checkNumbered(await readAll(broker.bootstrap, 'guarded', 100), 100)
  },
)

test('flush bounds that are never reached do not keep messages when memory is full', { skip }, async () => {
  await broker.createTopic('patient', 30)
  const hour = 3_600_000
  await using sink = await openSink(
    specOf(broker.bootstrap, 'patient', { flush: { messages: 1_000_000, bytes: 0, frequencyMs: hour } }),
  )
  for (let n = 0; n < 24; n++)
    await sink.emit(batchOf(Array.from({ length: 500 }, (_, i) => [`[${n * 500 + i}]`, 'x'.repeat(1000)])))
  assert.ok((await readAll(broker.bootstrap, 'patient', 1000)).length >= 1000)
})

test('MaxMessages bounds a request, and a resolved message is sent at once', { skip }, async () => {
  await broker.createTopic('single')
  const flush = { messages: 1000, bytes: 0, frequencyMs: 3_600_000, maxMessages: 7 }
  await using sink = await openSink(specOf(broker.bootstrap, 'single', { flush }))
  await sink.emit(numbered(0, 100))
  await sink.flush()
  checkNumbered(await readAll(broker.bootstrap, 'single', 100), 100)
  await sink.emitResolved(resolvedAt(1))
  assert.equal((await readAll(broker.bootstrap, 'single', 101)).at(-1)?.key, null)
})

test('CREATE refuses a topic that would refuse every message', { skip }, async () => {
  await broker.createTopic('compacted', 1, { 'cleanup.policy': 'compact' })
  const compacted = specOf(broker.bootstrap, 'compacted')
  await dial(compacted, { resolved: false })
  await assert.rejects(dial(compacted, { resolved: true }), /^FeedError: topic compacted is compacted/)
  await assert.rejects(
    dial(specOf(broker.bootstrap, '__consumer_offsets'), { resolved: false }),
    /^FeedError: (topic __consumer_offsets is one of Kafka’s own|Kafka does not make topic|Kafka has no topic)/,
  )
  await broker.createTopic('a_b')
  await assert.rejects(
    dial(specOf(broker.bootstrap, 'a.b'), { resolved: false }),
    /^FeedError: Kafka does not make topic a\.b: topic a_b is there already/,
  )
})

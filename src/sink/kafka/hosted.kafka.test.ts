// The URIs of hosted Kafkas, at a broker that has users as these have them.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { KafkaBroker } from '../../../test/services/kafka/kafka-broker.ts'
import type { KafkaSecurity } from '../../../test/services/kafka/kafka-security.ts'
import { skipWithoutKafka as skip } from '../../../test/services/kafka/require-kafka.ts'
import { openSink, readAll, batchOf, specOf } from '../../../test/services/kafka/sink-kit.ts'
import type { FeedError } from '../../errors/feed-error.ts'
import { readSinkUri } from '../sink-uri.ts'
import { readKafkaUri } from './kafka-uri.ts'
import { dial } from './open.ts'
import type { KafkaSinkSpec } from './spec.ts'

let broker: KafkaBroker
let known: KafkaSecurity
before(async () => {
  if (skip !== false) return
  broker = await KafkaBroker.start({ security: true })
  known = broker.security as KafkaSecurity
})
after(async () => broker?.[Symbol.asyncDispose]())

function specAt(scheme: string, topic: string, parameters: Readonly<Record<string, string>>): KafkaSinkSpec {
  const all = new URLSearchParams({ ...parameters, ca_cert: Buffer.from(known.ca).toString('base64') })
  const { brokers, tls, sasl } = readKafkaUri(readSinkUri(`${scheme}://localhost:${broker.saslPort}?${all}`, 1))
  return { ...specOf(brokers.join(), topic), tls, sasl }
}

test(
  'Confluent Cloud and Event Hubs let the parameters of their URIs in, and a wrong one is named',
  { skip },
  async () => {
    const policy = { shared_access_key_name: 'send', shared_access_key: known.accessKey }
    const topic = 'hosted'
    const hosts = [
      ['confluent-cloud', { api_key: known.user, api_secret: known.password }],
      ['azure-event-hub', policy],
      ['kafka', policy],
    ] as const
    for (const [i, [scheme, parameters]] of hosts.entries()) {
      await using sink = await openSink(specAt(scheme, topic, parameters))
      await sink.emit(batchOf([[`[${i}]`, scheme]]))
      await sink.flush()
    }
    const seen = await readAll(broker.bootstrap, topic, hosts.length)
    assert.deepEqual(seen.map(({ value }) => String(value)).sort(), hosts.map(([scheme]) => scheme).sort())
    for (const wrong of [
      { ...policy, shared_access_key: 'wrong' },
      { ...policy, shared_access_key_name: 'other' },
    ])
      await assert.rejects(dial(specAt('azure-event-hub', topic, wrong), { resolved: false }), (error: FeedError) => {
        assert.match(error.message, /SASL authentication failed/)
        assert.equal(error.hint, 'check shared_access_key_name and shared_access_key')
        return true
      })
  },
)

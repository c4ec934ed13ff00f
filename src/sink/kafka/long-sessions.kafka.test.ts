// Tokens that are valid for longer than a timer can wait.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { KafkaBroker } from '../../../test/services/kafka/kafka-broker.ts'
import { skipWithoutKafka as skip } from '../../../test/services/kafka/require-kafka.ts'
import { checkNumbered, numbered, openSink, readAll, specOf } from '../../../test/services/kafka/sink-kit.ts'
import { TokenServer } from '../../../test/services/kafka/token-server.ts'

let tokens: TokenServer
let broker: KafkaBroker
before(async () => {
  if (skip !== false) return
  tokens = await TokenServer.start()
  broker = await KafkaBroker.start(tokens.brokerOptions)
})
after(async () => {
  await broker?.[Symbol.asyncDispose]()
  await tokens?.[Symbol.asyncDispose]()
})

test(
  'a connection whose session lasts a year works, and does not authenticate again at once',
  { skip, timeout: 180_000 },
  async () => {
    tokens.lifetimeS = 365 * 86_400
    await broker.createTopic('year', 1)
    const said: string[] = []
    const spec = specOf(`localhost:${broker.saslPort}`, 'year', {
      tls: { ca: broker.security?.ca, cert: undefined, key: undefined, verify: true },
      sasl: tokens.sasl,
    })
    await using sink = await openSink(spec, { log: (level, text) => level === 'info' || said.push(text) })
    let emitted = 0
    const endsAtMs = Date.now() + 2000
    while (Date.now() < endsAtMs) {
      await sink.emit(numbered(emitted, 100))
      emitted += 100
      await sink.flush()
    }
    assert.deepEqual(said, [])
    assert.equal(checkNumbered(await readAll(broker.bootstrap, 'year', emitted), emitted), 0)
  },
)

// Connections that authenticate again while messages are being sent.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { KafkaBroker } from '../../../test/services/kafka/kafka-broker.ts'
import { skipWithoutKafka as skip } from '../../../test/services/kafka/require-kafka.ts'
import { checkNumbered, numbered, openSink, readAll, specOf } from '../../../test/services/kafka/sink-kit.ts'
import { TokenServer } from '../../../test/services/kafka/token-server.ts'
import { endTogether } from '../../../test/support/services.ts'

let tokens: TokenServer
let broker: KafkaBroker
before(async () => {
  if (skip !== false) return
  tokens = await TokenServer.start()
  const { properties, ...options } = tokens.brokerOptions
  broker = await KafkaBroker.start({ ...options, properties: [...properties, 'connections.max.reauth.ms=3000'] })
})
after(async () => {
  await endTogether(broker, tokens)
})

for (const acks of ['all', 'one', 'none'] as const) {
  test(`acks ${acks}: under load nothing is lost or out of order`, { skip, timeout: 180_000 }, async () => {
    tokens.lifetimeS = 4
    const name = `again_${acks}`
    await broker.createTopic(name, 3)
    const said: string[] = []
    const spec = specOf(`localhost:${broker.saslPort}`, name, {
      acks,
      tls: { ca: broker.security?.ca, cert: undefined, key: undefined, verify: true },
      sasl: tokens.sasl,
    })
    await using sink = await openSink(spec, {
      log: (level, text) => level === 'info' || said.push(text),
      refreshMs: 100,
    })
    const before = tokens.requests
    let emitted = 0
    const endsAtMs = Date.now() + 30_000
    // Connections live longer than their session of three seconds, and longer than one token.
    while (tokens.requests < before + 3 && Date.now() < endsAtMs) {
      await sink.emit(numbered(emitted, 100))
      emitted += 100
      if (emitted % 500 === 0) await sink.flush()
    }
    await sink.flush()
    assert.ok(tokens.requests >= before + 3)
    // On a busy machine the sink may authenticate too late once, and then opens a new connection.
    assert.ok(said.length < 3, said.join('\n'))
    const repeats = checkNumbered(await readAll(broker.bootstrap, name, emitted), emitted)
    if (acks === 'all' || said.length === 0) assert.equal(repeats, 0)
  })
}

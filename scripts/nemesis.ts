// `npm run nemesis -- --minutes=N --seed=S`: the nemesis over Kafka, seed after seed from S on, for N minutes or until one
// fails. A failed seed can be run again alone: --seed=S --minutes=0.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runOverKafka } from '../test/nemesis/kafka-run.ts'
import { TestServer } from '../test/server/test-server.ts'
import { startBehindThief } from '../test/services/kafka/answer-thief.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    disturbances: { type: 'string', default: '12' },
  },
})
const endsAtMs = Date.now() + Number(values.minutes) * 60_000
await using server = await TestServer.start()
const { broker: started, thief: before } = await startBehindThief()
await using broker = started
await using thief = before
for (let seed = Number(values.seed); ; seed++) {
  try {
    console.log(await runOverKafka({ server, broker, thief, seed, disturbances: Number(values.disturbances) }))
  } catch (error) {
    const log = readFileSync(join(server.storeDir, 'logs', 'changefeed.log'), 'utf8')
    console.error(`seed ${seed} failed; what the server said last:\n${server.output.slice(-1000)}${log.slice(-8000)}`)
    console.error(await server.sql('SELECT * FROM crdb_internal.jobs').catch(String))
    throw error
  }
  if (Date.now() >= endsAtMs) break
}

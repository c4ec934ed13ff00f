// kill -9 of the program, of PostgreSQL, and of both, at random moments under load.

import { test } from 'node:test'
import { preparedForMember, startAttached } from '../server/attached.ts'
import { TestServer } from '../server/test-server.ts'
import { versionOfTests } from '../support/servers/server-of-tests.ts'
import { killUnderLoad } from './kill-under-load.ts'

const seeds = Number(process.env['CRASH_SEEDS'] ?? 3)

for (let seed = 1; seed <= seeds; seed++) {
  test(`nothing is lost, torn or out of order over crashes (seed ${seed})`, { timeout: 500_000 }, async () => {
    await using server = await TestServer.start()
    await killUnderLoad({ server, seed })
  })
}

test(
  'nothing is lost, torn or out of order over crashes where a slot is read by SQL functions',
  { timeout: 500_000 },
  async () => {
    await using attached = await startAttached({ ...preparedForMember, version: versionOfTests, isKept: true })
    const { server } = attached
    await killUnderLoad({ server, seed: 1, prepareSql: preparedForMember.tableSql })
  },
)

// A statement of ours that runs long, before a real PostgreSQL.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestFront } from '../../test/support/test-front.ts'
import { continueProcesses, stopProcesses } from '../../test/support/stop-processes.ts'
import { until } from '../../test/support/until.ts'
import { openRawConnection, type RawConnection } from '../postgres/raw-connection.ts'

let testFront: TestFront
let witness: RawConnection
before(async () => {
  testFront = await TestFront.start()
  witness = await openRawConnection({ source: { ...testFront.postgres.source, database: 'defaultdb' } })
})
after(async () => {
  await witness.close()
  await testFront[Symbol.asyncDispose]()
})

async function holds(sql: string): Promise<true | undefined> {
  return (await witness.query(`SELECT ${sql}`))[0]?.[0] === 't' ? true : undefined
}

for (const begin of ['SELECT 1', 'BEGIN']) {
  test(`after ${begin}, a cancel request ends the statement also when PostgreSQL answers it late`, async () => {
    const client = await testFront.connect()
    await client.query(begin)
    const { pid } = (await client.query('SELECT pg_backend_pid() AS pid')).rows[0] as { pid: number }
    let end: string | undefined
    client.query('LONG').then(
      () => (end = 'it ended by itself'),
      ({ code, message }: Error & { code?: string }) => (end = `${code}: ${message}`),
    )
    const shown = `EXISTS (SELECT FROM pg_stat_activity WHERE pid = ${pid} AND state = 'active' AND query LIKE '/* LONG%'`
    await until('it is shown', 20_000, () => holds(`${shown} AND wait_event = 'PgSleep')`))
    stopProcesses([pid])
    try {
      await witness.query(`SELECT pg_cancel_backend(${pid})`)
      // Longer than a step of the wait takes.
      await until('the step is over', 20_000, () => holds(`${shown} AND clock_timestamp() - query_start > '2.1 s')`))
    } finally {
      continueProcesses([pid])
    }
    assert.equal(await until('it ends', 10_000, () => end), '57014: canceling statement due to user request')
    await client.end()
  })
}

// PostgreSQL has synchronous standbys, and none of them is there: every commit waits for one.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { at, JobsUnderTest } from '../../test/support/jobs-under-test.ts'
import { within } from '../../test/support/until.ts'

let table: JobsUnderTest

async function needStandby(sql: string): Promise<void> {
  await table.query(sql, [])
  await table.query('SELECT pg_reload_conf()', [])
}

before(async () => {
  table = await JobsUnderTest.start()
})
after(() => table[Symbol.asyncDispose]())

test(
  'what a server writes for itself does not wait for a standby that is away, and what users ask for does',
  { timeout: 180_000 },
  async () => {
    const store = await table.store('1')
    const job = await store.create(table.newJob())
    const elsewhere = await table.store('2')
    await needStandby(`ALTER SYSTEM SET synchronous_standby_names = 'away'`)
    try {
      let isOver = true
      let asked: Promise<unknown> = Promise.resolve()
      // The setting has its effect after a while.
      await within(10_000, 'the new job of a user to wait', async () => {
        if (isOver) {
          isOver = false
          asked = elsewhere.create(table.newJob()).finally(() => (isOver = true))
        }
        return (await table.query(`SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep'`, [])).length > 0
      })
      assert.equal(await store.save(job, at(10n)), true)
      await store.say(job, 'waiting')
      assert.equal((await store.renew()).size, 1)
      assert.deepEqual(await table.row(job.id, 'high_water::text, running_status'), ['10.0000000000', 'waiting'])
      await store.release()
      const [claimed] = await store.claim({ fromEarlier: false, known: [] })
      assert.ok(claimed)
      assert.equal(await store.settle(claimed, 'failed', { error: 'a reason' }), true)
      assert.deepEqual(await table.row(job.id, 'status, error'), ['failed', 'a reason'])
      await needStandby('ALTER SYSTEM RESET synchronous_standby_names')
      await asked
    } finally {
      await needStandby('ALTER SYSTEM RESET synchronous_standby_names')
    }
  },
)

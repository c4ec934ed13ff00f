// Jobs that earlier and later versions of the program have written, in the table of this one.

import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { at, JobsUnderTest, Runs } from '../../test/support/jobs-under-test.ts'
import { within } from '../../test/support/until.ts'

const withinMs = 20_000
let table: JobsUnderTest

before(async () => {
  table = await JobsUnderTest.start()
})
after(() => table[Symbol.asyncDispose]())
beforeEach(() => table.clear())

test('a job of a later version waits as it is, says why, and obeys PAUSE and CANCEL; the others run', async () => {
  const store = await table.store('later')
  const later = table.newJob()
  const fine = table.newJob()
  await store.create(later)
  await store.create(fine)
  await store.release()
  const written = ['{"version":9,"all":"else"}', '{"version":9,"phase":"backfill"}'] as const
  await table.query('UPDATE changefeed.jobs SET payload = $2, progress = $3 WHERE job_id = $1', [later.id, ...written])
  const runs = new Runs()
  const jobs = await table.registry('a', runs.starter('a'))
  try {
    await within(withinMs, 'the other runs', () => runs.begun.length === 1)
    assert.equal(runs.begun[0]?.job.id, fine.id)
    const [status, runningStatus, claimedBy, ...records] = await table.row(
      later.id,
      'status, running_status, claimed_by, payload, progress',
    )
    assert.deepEqual([status, claimedBy, ...records], ['running', null, ...written])
    assert.match(runningStatus ?? '', /^waiting: a later version of pg-changefeed has written it/)
    assert.deepEqual(await store.refuseUnreadable(), [], 'it is said once')
    // Nobody knows which tables and changes it needs, so nothing may be given up.
    for (const ask of [() => store.unfinished(), () => store.restingProgress()])
      await assert.rejects(ask, new RegExp(`job ${later.id} was written by a later version`))

    await jobs.request([later.id], 'pause')
    assert.deepEqual(await table.row(later.id, 'status, payload, progress'), ['paused', ...written])
    await jobs.request([later.id], 'resume')
    assert.deepEqual((await table.row(later.id, 'status, running_status'))[0], 'running')
    await jobs.request([later.id], 'cancel')
    assert.deepEqual(await table.row(later.id, 'status, running_status, finished IS NOT NULL'), [
      'canceled',
      null,
      true,
    ])
    await jobs.request([fine.id], 'pause')
    assert.deepEqual(await store.restingProgress(), [{ database: 'd', progress: fine.progress }])
  } finally {
    await jobs.close()
  }
})

test('a job that a program without versions has written runs from where it was', async () => {
  const store = await table.store('old')
  const job = table.newJob()
  await store.create(job)
  await table.query('UPDATE changefeed.jobs SET payload = $2, progress = $3 WHERE job_id = $1', [
    job.id,
    '{"spec":{"database":"d","sink":{"tag":"null"}},"onError":"fail"}',
    '{"highWater":{"wall":{"$":"10n"},"logical":0}}',
  ])
  const next = await table.store('new')
  const [claimed] = await next.claim({ fromEarlier: true, known: [] })
  assert.deepEqual(claimed?.progress, at(10n))
  assert.deepEqual(claimed?.payload.onError, 'fail')
})

// Several servers with stores of their own use one table of jobs, as servers that are attached to a PostgreSQL may.

import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { JobsUnderTest } from '../../test/support/jobs-under-test.ts'
import type { NewJob } from './jobs.ts'
import { PayloadSeal } from './payload-seal.ts'

let table: JobsUnderTest
before(async () => {
  table = await JobsUnderTest.start()
})
beforeEach(() => table.clear())
after(() => table[Symbol.asyncDispose]())

const first = new PayloadSeal(Buffer.alloc(32, 1), 'the first store')
const second = new PayloadSeal(Buffer.alloc(32, 2), 'the second store')

/** A job with something to seal. */
function jobInto(kafka: string): NewJob {
  const job = table.newJob()
  const { spec } = job.payload
  return { ...job, payload: { ...job.payload, spec: { ...spec, sink: { tag: 'kafka', brokers: [kafka] } as never } } }
}

const expire = (): Promise<unknown> =>
  table.query(`UPDATE changefeed.jobs SET lease_until = clock_timestamp() - interval '1s'`, [])

test('a server that starts takes over the jobs of earlier servers of its store, and of no other', async () => {
  const a = await table.store('1', first, 'a')
  const b = await table.store('1', second, 'b')
  const job = await a.create(table.newJob())
  assert.deepEqual(await b.claim({ fromEarlier: true, known: [] }), [])
  const again = await table.store('2', first, 'a')
  assert.deepEqual(
    (await again.claim({ fromEarlier: true, known: [] })).map(({ id }) => id),
    [job.id],
  )
  await expire()
  assert.deepEqual(await b.claim({ fromEarlier: false, known: [] }), [], 'nor when its server is gone')
  assert.equal((await b.refuseUnreadable()).length, 1)
  const [said] = await table.row(job.id, 'running_status')
  assert.match(said ?? '', /^waiting: a server with another store has made it.*; if the store is lost, CANCEL JOB/)
  const [back] = await again.claim({ fromEarlier: false, known: [] })
  assert.deepEqual([back?.id, back?.sink()], [job.id, { tag: 'null' }])
})

test('a job that is sealed with the key of another store waits for that store, and SHOW JOBS says so', async () => {
  const a = await table.store('1', first, 'a')
  const b = await table.store('1', second, 'b')
  const { id } = await a.create(jobInto('broker:9092'))
  assert.deepEqual(await b.refuseUnreadable(), [], 'its server runs it')
  await expire()
  assert.deepEqual(await b.claim({ fromEarlier: true, known: [] }), [])
  assert.equal((await b.refuseUnreadable()).length, 1)
  assert.deepEqual(await b.refuseUnreadable(), [], 'it is said once')
  const [status, said] = await table.row(id, 'status, running_status')
  assert.equal(status, 'running')
  assert.match(said ?? '', /^waiting: a server with another store has made it, and only that store has its changelog/)
  const [back] = await a.claim({ fromEarlier: false, known: [] })
  assert.equal(back?.id, id)
  assert.deepEqual(back.sink(), { tag: 'kafka', brokers: ['broker:9092'] })
})

test('PAUSE and CANCEL have their effect on a job of another store whose server is gone', async () => {
  const a = await table.store('1', first, 'a')
  const b = await table.store('1', second, 'b')
  const { id } = await a.create(jobInto('broker:9092'))
  await expire()
  await b.request([id], 'pause')
  await b.refuseUnreadable()
  assert.deepEqual(await table.row(id), ['paused'])
  await b.request([id], 'cancel')
  await b.refuseUnreadable()
  assert.deepEqual(await table.row(id), ['canceled'])
})

test('a job of an earlier version, whose key is not known, is claimed', async () => {
  const a = await table.store('1', first, 'a')
  const { id } = await a.create(jobInto('broker:9092'))
  await table.query(`UPDATE changefeed.jobs SET payload = (payload::jsonb #- '{spec,sink,key}')::text`, [])
  await expire()
  const again = await table.store('2', first, 'a')
  const [job] = await again.claim({ fromEarlier: false, known: [] })
  assert.deepEqual([job?.id, job?.sink()], [id, { tag: 'kafka', brokers: ['broker:9092'] }])
})

test('ids of jobs are those of one counter, which grow with time', async () => {
  const stores = [await table.store('1', first, 'a'), await table.store('2', second, 'b')]
  const ids = await Promise.all(Array.from({ length: 20 }, (_, i) => stores[i % 2]?.newId()))
  assert.equal(new Set(ids).size, ids.length)
  for (const id of ids) assert.match(id ?? '', /^1[0-9]{18}$/)
})

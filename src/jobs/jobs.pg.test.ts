import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { at, JobsUnderTest, Runs } from '../../test/support/jobs-under-test.ts'
import { within } from '../../test/support/until.ts'
import type { SinkSpec } from '../core/feed-spec.ts'
import type { JobProgress } from '../core/job-progress.ts'
import { MetricScopes } from '../core/metric-scopes.ts'
import { FeedError } from '../errors/feed-error.ts'
import { keepToOwner } from './keep-to-owner.ts'
import type { JobStarter } from './jobs.ts'
import { PayloadSeal } from './payload-seal.ts'
import type { JobRegistry } from './registry.ts'
import { SettingsStore } from '../settings/store.ts'

const withinMs = 20_000
let table: JobsUnderTest

before(async () => {
  table = await JobsUnderTest.start()
})
after(() => table[Symbol.asyncDispose]())
beforeEach(() => table.clear())

const scopes = new MetricScopes(() => [])
/** Retries and failures, beyond those that were counted before. */
const counted = ([retries, failures] = [0, 0]): [number, number] => [
  scopes.total.value('retries') - retries,
  scopes.total.value('failures') - failures,
]

const expireLeases = (): Promise<unknown> =>
  table.query(`UPDATE changefeed.jobs SET lease_until = clock_timestamp() - interval '1 second'`, [])

test('a job is one server’s while its lease lasts; who comes after it has a new epoch, and the old one saves nothing', async () => {
  const a = await table.store('a')
  const b = await table.store('b')
  const job = await a.create(table.newJob())
  assert.deepEqual(await b.claim({ fromEarlier: false, known: [] }), [])
  assert.equal(await a.save(job, at(10n)), true)

  await expireLeases()
  const [taken] = await b.claim({ fromEarlier: false, known: [] })
  assert.ok(taken)
  assert.deepEqual([taken.id, Number(taken.epoch)], [job.id, Number(job.epoch) + 1])
  assert.deepEqual(taken.progress, at(10n))
  assert.deepEqual(await a.claim({ fromEarlier: false, known: [job.id] }), [])

  assert.equal(await a.save(job, at(99n)), false)
  await a.say(job, 'transient error: of the past')
  assert.equal(await a.settle(job, 'failed', { error: 'of the past' }), false)
  assert.equal((await a.renew()).size, 0)
  assert.deepEqual(await table.row(job.id, 'status, error, high_water::text, running_status'), [
    'running',
    '',
    '10.0000000000',
    'running: resolved=0.000000010,0',
  ])
  assert.equal(await b.save(taken, at(11n)), true)

  await b.say(taken, 'transient error: the sink is away')
  assert.deepEqual(await table.row(job.id, 'running_status'), ['transient error: the sink is away'])
  const scan = { at: { wall: 12n, logical: 0 }, tables: [], fraction: 0.25 }
  assert.equal(await b.save(taken, { tag: 'initial-scan', scan }), true)
  assert.deepEqual(await table.row(job.id, 'running_status, fraction_completed::text'), [null, '0.25'])
})

test('a server that renews its leases keeps its jobs, and one that goes down lets go of them', async () => {
  const a = await table.store('a')
  const b = await table.store('b')
  const job = await a.create(table.newJob())
  await expireLeases()
  assert.deepEqual([...(await a.renew()).keys()], [job.id])
  assert.deepEqual(await b.claim({ fromEarlier: false, known: [] }), [])
  await a.release()
  assert.deepEqual(
    (await b.claim({ fromEarlier: false, known: [] })).map(({ id }) => id),
    [job.id],
  )
})

test('of several jobs all are asked or none, and only those of the user', async () => {
  const store = await table.store('a')
  const mine = await store.create(table.newJob('bob'))
  const other = await store.create(table.newJob('root'))
  const over = await store.create(table.newJob('bob'))
  await store.settle(over, 'failed', { error: 'it failed' })
  const statuses = async (): Promise<unknown> =>
    (await table.query('SELECT status FROM changefeed.jobs ORDER BY job_id', [])).flat()
  const before = await statuses()

  const refused: readonly (readonly [ids: string[], owner: string | undefined, message: RegExp, code: string])[] = [
    [[mine.id, '42'], undefined, /^job with ID 42 does not exist$/, 'FEED_STATE'],
    [[mine.id, '-1'], 'bob', /^job with ID -1 does not exist$/, 'FEED_STATE'],
    [[mine.id, other.id], 'bob', /^user bob does not have privileges for job \d+$/, 'FEED_PRIVILEGE'],
    [[mine.id, over.id], 'bob', /^job \d+ with status failed cannot be requested to be paused$/, 'FEED_STATE'],
  ]
  for (const [ids, owner, message, code] of refused) {
    await assert.rejects(store.request(ids, 'pause', owner), (error) => {
      assert.ok(error instanceof FeedError)
      assert.match(error.message, message)
      assert.equal(error.code, code)
      return true
    })
    assert.deepEqual(await statuses(), before)
  }
  await store.request([], 'cancel')
  await store.request([mine.id], 'pause', 'bob')
  await store.request([mine.id, other.id], 'pause')
  assert.deepEqual(await statuses(), ['pause-requested', 'pause-requested', 'failed'])
  await assert.rejects(store.request([mine.id], 'resume'), {
    message: /with status pause-requested cannot be resumed$/,
    hint: `RESUME JOB ${mine.id} when SHOW JOB ${mine.id} shows the status paused`,
  })
  await store.request([mine.id, other.id], 'cancel')
  assert.deepEqual(await statuses(), ['cancel-requested', 'cancel-requested', 'failed'])
})

test('ended jobs are kept as long as the setting says, others for ever', async () => {
  const store = await table.store('a')
  const [old, young, running, paused] = [
    await store.create(table.newJob()),
    await store.create(table.newJob()),
    await store.create(table.newJob()),
    await store.create(table.newJob()),
  ]
  await store.settle(old, 'succeeded')
  await store.request([young.id], 'cancel')
  await store.settle(young, 'canceled')
  await store.settle(paused, 'paused')
  await table.query(
    `UPDATE changefeed.jobs SET created = created - interval '30 days', modified = modified - interval '30 days'`,
    [],
  )
  await table.query(`UPDATE changefeed.jobs SET finished = finished - interval '15 days' WHERE job_id = $1`, [old.id])
  await store.prune(14 * 86_400_000)
  const left = (await table.query('SELECT job_id::text FROM changefeed.jobs ORDER BY job_id', [])).flat()
  assert.deepEqual(left, [young.id, running.id, paused.id])
  await store.prune(0)
  assert.deepEqual((await table.query('SELECT job_id::text FROM changefeed.jobs ORDER BY job_id', [])).flat(), [
    running.id,
    paused.id,
  ])
})

const registry = (name: string, start: JobStarter): Promise<JobRegistry> => table.registry(name, start, { scopes })

test('two servers do not run a job at the same time; the one that lost it stops, and does not call that a failure', async () => {
  const earlier = counted()
  const runs = new Runs()
  const a = await registry('a', runs.starter('a'))
  let b: JobRegistry | undefined
  try {
    const job = table.newJob()
    const { id } = job
    await a.create(job)
    await within(withinMs, 'it runs on the first', () => runs.begun.length === 1)
    const [first] = runs.begun
    assert.ok(first)
    await first.handlers.save(at(5n))

    // A server that starts takes the jobs of those before it, which it has to think dead.
    b = await registry('b', runs.starter('b'))
    await within(withinMs, 'it runs on the second', () => runs.begun.some(({ server }) => server === 'b'))
    const second = runs.begun.find(({ server }) => server === 'b')
    assert.deepEqual(second?.handlers.resume, at(5n))
    await first.handlers.save(at(6n)).then(
      () => assert.fail('it saved what is not its own any more'),
      (error: Error) => {
        assert.match(error.message, /is not this server's any more/)
        first.fail(error)
      },
    )
    await within(withinMs, 'the first has stopped', () => a.running.length === 0)
    assert.equal(first.handlers.signal.aborted, true)
    assert.deepEqual(counted(earlier), [0, 0])
    assert.equal(b.running.length, 1)
    assert.deepEqual(await table.row(id, 'status, claimed_by'), ['running', 'b'])

    // What is asked of one server reaches the other.
    await a.request([id], 'cancel')
    await within(withinMs, 'it is cancelled', async () => (await table.row(id))[0] === 'canceled')
  } finally {
    await a.close()
    await b?.close()
  }
})

test('a job that is cancelled while it is being paused is cancelled', async () => {
  const stopping = Promise.withResolvers<void>()
  let hasBegun = false
  const a = await registry('a', async (_, { signal }) => {
    hasBegun = true
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    await stopping.promise
    throw signal.reason as Error
  })
  try {
    const job = table.newJob()
    await a.create(job)
    await within(withinMs, 'it runs', () => hasBegun)
    const paused = a.request([job.id], 'pause')
    await within(withinMs, 'it is to be paused', async () => (await table.row(job.id))[0] === 'pause-requested')
    const canceled = a.request([job.id], 'cancel')
    await within(withinMs, 'it is to be cancelled', async () => (await table.row(job.id))[0] === 'cancel-requested')
    stopping.resolve()
    await Promise.all([paused, canceled])
    await within(withinMs, 'it is cancelled', async () => (await table.row(job.id))[0] === 'canceled')
  } finally {
    stopping.resolve()
    await a.close()
  }
})

test('RESUME says at once where the job is, and nothing of what had stopped it', async () => {
  const store = await table.store('a')
  const job = await store.create(table.newJob())
  const row = () => table.row(job.id, 'status, error, running_status')
  await store.settle(job, 'paused', { error: 'it was away', runningStatus: 'paused: it was away' })
  await store.request([job.id], 'resume')
  assert.deepEqual(await row(), ['running', '', null])
  const [again] = await store.claim({ fromEarlier: false, known: [] })
  assert.ok(again)
  const progress: JobProgress = { tag: 'following', highWater: { wall: 1_795_947_120_057_950_001n, logical: 7 } }
  await store.save(again, progress)
  const [, , said] = await row()
  assert.equal(said, 'running: resolved=1795947120.057950001,7')
  await store.settle(again, 'paused', { error: 'it was away', runningStatus: 'paused: it was away' })
  await store.request([job.id], 'resume')
  assert.deepEqual(await row(), ['running', '', said])
  const [third] = await store.claim({ fromEarlier: false, known: [] })
  assert.ok(third)
  const at = { wall: 1_795_947_120_057_950_001n, logical: 8 }
  await store.save(third, { tag: 'backfill', at, scan: { at, tables: [], fraction: 0.5 } })
  await store.settle(third, 'paused')
  await store.request([job.id], 'resume')
  assert.deepEqual(await row(), ['running', '', 'running: the backfill after a schema change goes on'])
})

test('a job whose feed ends by itself after CANCEL or PAUSE was answered ends as requested', async () => {
  const lacking = new FeedError('FEED_PRIVILEGE', 'user bob lost a right')
  const truncated = new FeedError('FEED_TRUNCATED', '"t" was truncated')
  for (const [verb, expected] of [
    ['cancel', 'canceled'],
    ['pause', 'paused'],
  ] as const) {
    for (const [onError, error] of [
      ['fail', undefined],
      ['fail', truncated],
      ['pause', truncated],
      ['fail', lacking],
    ] as const) {
      const what = `${verb}, on_error=${onError}, ${error?.code ?? 'the feed is complete'}`
      const runs: PromiseWithResolvers<void>[] = []
      // Nobody looks at the rows in between: the other session's request is in the row, and this server has not heard of it.
      const jobs = await table.registry(
        'a',
        async (_, { signal }) => {
          const run = Promise.withResolvers<void>()
          signal.addEventListener('abort', () => run.reject(signal.reason as Error))
          runs.push(run)
          await run.promise
        },
        { lookEveryMs: 3_600_000 },
      )
      try {
        const job = table.newJob()
        await jobs.create({ ...job, payload: { ...job.payload, onError } })
        await within(withinMs, `it runs: ${what}`, () => runs.length === 1)
        await jobs.store.request([job.id], verb)
        if (error === undefined) runs[0]?.resolve()
        else runs[0]?.reject(error)
        await within(withinMs, `it is ${expected}: ${what}`, async () => (await table.row(job.id))[0] === expected)
        await within(withinMs, `nothing runs: ${what}`, () => jobs.running.length === 0)
      } finally {
        await jobs.close()
      }
    }
  }
})

test('a job that fails is tried again from what it saved; what no retry mends ends it', async () => {
  const earlier = counted()
  const seen: (JobProgress | undefined)[] = []
  const start: JobStarter = async (_, { resume, save }) => {
    seen.push(resume)
    if (seen.length === 1) throw new Error('nobody expected it')
    if (seen.length === 2) {
      await save(at(7n))
      throw new FeedError('FEED_SINK', 'the sink is away')
    }
    throw new FeedError('FEED_TRUNCATED', '"t" was truncated')
  }
  const job = table.newJob()
  const jobs = await registry('a', start)
  try {
    const { id } = job
    await jobs.create(job)
    await within(withinMs, 'it has failed', async () => (await table.row(id))[0] === 'failed')
    assert.deepEqual(seen, [job.progress, job.progress, at(7n)])
    assert.deepEqual(await table.row(id, 'error, claimed_by, finished IS NOT NULL'), ['"t" was truncated', null, true])
    assert.deepEqual(counted(earlier), [2, 1])
  } finally {
    await jobs.close()
  }
})

test('no credential of a sink is in the table, not even one that an earlier version wrote; the job has it', async () => {
  const kafka = { tag: 'kafka', brokers: ['b:9092'], sasl: { user: 'me', password: 'hunter2' } } as SinkSpec
  const job = table.newJob()
  const spec = { ...job.payload.spec, sink: kafka }
  const store = await table.store('a')
  await store.create({ ...job, payload: { spec, onError: 'fail' } })
  const old = table.newJob()
  await store.create(old)
  await table.query('UPDATE changefeed.jobs SET payload = $2 WHERE job_id = $1', [
    old.id,
    JSON.stringify({ spec, onError: 'fail' }),
  ])
  const next = await table.store('b')
  const claimed = await next.claim({ fromEarlier: true, known: [] })
  assert.deepEqual(
    claimed.map(({ sink }) => sink()),
    [kafka, kafka],
  )
  const payloads = (await table.query('SELECT payload FROM changefeed.jobs', [])).flat()
  assert.equal(payloads.length, 2)
  for (const text of payloads) assert.ok(text?.includes('"sealed"') === true && !text.includes('hunter2'))
})

test('a server that starts learns how many jobs it will run, and of the sinks of those that it can read', async () => {
  const store = await table.store('a')
  assert.deepEqual(await store.live(), { count: 0, sinks: [] })
  const kafka = { tag: 'kafka', brokers: ['b:9092'] } as SinkSpec
  for (const sink of [kafka, kafka, { tag: 'null' }]) {
    const job = table.newJob()
    await store.create({ ...job, payload: { spec: { ...job.payload.spec, sink }, onError: 'fail' } })
  }
  const { count, sinks } = await store.live()
  assert.deepEqual([count, [...sinks].sort()], [3, ['kafka', 'null']])
  const other = await table.store('b', new PayloadSeal(Buffer.alloc(32, 1), 'another key file'))
  assert.deepEqual(await other.live(), { count: 3, sinks: ['null'] })
})

test('a job whose credentials cannot be read is paused with the reason, and the others run', async () => {
  const kafka = { tag: 'kafka', brokers: ['b:9092'] } as SinkSpec
  const lost = table.newJob()
  const fine = table.newJob()
  const store = await table.store('gone')
  await store.create({ ...lost, payload: { spec: { ...lost.payload.spec, sink: kafka }, onError: 'fail' } })
  await store.create(fine)
  const other = new PayloadSeal(Buffer.alloc(32, 1), 'another key file')
  const jobs = await table.registry(
    'a',
    async ({ sink }, { signal }) => {
      sink()
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    },
    { store: await table.store('a', other) },
  )
  try {
    await within(withinMs, 'it is paused', async () => (await table.row(lost.id))[0] === 'paused')
    assert.match((await table.row(lost.id, 'error'))[0] ?? '', /cannot be decrypted with the key in another key file/)
    assert.deepEqual(await table.row(fine.id), ['running'])
  } finally {
    await jobs.close()
  }
})

test('who may write every table cannot give themselves rights by it, nor jobs of others', async () => {
  const store = await table.store('a')
  await SettingsStore.open(table.state)
  await keepToOwner(table.state)
  const job = table.newJob()
  await store.create(job)
  await table.query('CREATE ROLE forger LOGIN', [])
  await table.query('GRANT pg_write_all_data, pg_read_all_data TO forger', [])
  const forger = await table.database.connect('forger')
  for (const sql of [
    `INSERT INTO changefeed.table_privileges SELECT 1, 1, oid FROM pg_roles WHERE rolname = 'forger'`,
    `INSERT INTO changefeed.settings VALUES ('changefeed.sink.allowed_hosts', '')`,
    'DELETE FROM changefeed.settings',
    `UPDATE changefeed.jobs SET user_name = 'forger'`,
    `UPDATE changefeed.jobs SET payload = '{}'`,
    'DELETE FROM changefeed.jobs',
  ]) {
    await assert.rejects(forger.query(sql), { sqlstate: '42501' }, sql)
  }
  await forger.close()
  await table.query('DROP ROLE forger', [])
  assert.deepEqual(await table.row(job.id, 'user_name'), ['root'])
  // The owner writes as before, and a second start finds everything done.
  await keepToOwner(table.state)
  await store.request([job.id], 'cancel', 'root')
})

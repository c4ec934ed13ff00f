import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { pino } from 'pino'
import pg from 'pg'
import { TestServer, within, type TestDatabase } from '../../test/support/source-under-test.ts'
import type { FeedSpec, SinkSpec } from '../core/feed-spec.ts'
import type { JobProgress } from '../core/job-progress.ts'
import { MetricScopes } from '../core/metric-scopes.ts'
import { FeedError } from '../errors/feed-error.ts'
import { JobRights } from './job-rights.ts'
import { JobStore } from './job-store.ts'
import type { JobsQuery } from './job-table.ts'
import { keepToOwner } from './keep-to-owner.ts'
import type { ClaimedJob, JobHandlers, JobStarter, NewJob } from './jobs.ts'
import { PayloadSeal } from './payload-seal.ts'
import { JobRegistry } from './registry.ts'
import { SettingsStore } from '../settings/store.ts'

const withinMs = 20_000
let server: TestServer
let database: TestDatabase
let client: pg.Pool
let query: JobsQuery

before(async () => {
  server = await TestServer.start()
  database = await server.database()
  const { host, port, socketDir } = database.source
  client = new pg.Pool({ host: socketDir ?? host, port, user: 'root', database: database.source.database, max: 4 })
  query = async (sql, parameters) =>
    (await client.query<(string | null)[]>({ text: sql, values: [...parameters], rowMode: 'array' })).rows
  await JobRights.open(query)
})
after(async () => {
  await client.end()
  await server[Symbol.asyncDispose]()
})
beforeEach(() => query('DROP TABLE IF EXISTS changefeed.jobs', []))

const scopes = new MetricScopes(() => [])
const seal = new PayloadSeal(Buffer.alloc(32), 'a test')
let nextId = 1
const newJob = (user = 'root'): NewJob => ({
  id: String(nextId++),
  description: 'CREATE CHANGEFEED …',
  user,
  payload: { spec: { database: 'd', targets: [], sink: { tag: 'null' } } as unknown as FeedSpec, onError: 'fail' },
  progress: { tag: 'initial-scan', scan: undefined },
})

const at = (wall: bigint): JobProgress => ({ tag: 'following', highWater: { wall, logical: 0 } })

async function row(id: string, columns = 'status'): Promise<readonly (string | null)[]> {
  return (await query(`SELECT ${columns} FROM changefeed.jobs WHERE job_id = $1`, [id]))[0] ?? []
}

const expireLeases = (): Promise<unknown> =>
  query(`UPDATE changefeed.jobs SET lease_until = clock_timestamp() - interval '1 second'`, [])

test('a job is one server’s while its lease lasts; who comes after it has a new epoch, and the old one saves nothing', async () => {
  const a = await JobStore.open({ query, instance: 'a', seal })
  const b = await JobStore.open({ query, instance: 'b', seal })
  const job = await a.create(newJob())
  assert.deepEqual(await b.claim({ fromOthers: false, known: [] }), [])
  assert.equal(await a.save(job, at(10n)), true)

  await expireLeases()
  const [taken] = await b.claim({ fromOthers: false, known: [] })
  assert.ok(taken)
  assert.deepEqual([taken.id, Number(taken.epoch)], [job.id, Number(job.epoch) + 1])
  assert.deepEqual(taken.progress, at(10n))
  assert.deepEqual(await a.claim({ fromOthers: false, known: [job.id] }), [])

  assert.equal(await a.save(job, at(99n)), false)
  await a.say(job, 'transient error: of the past')
  assert.equal(await a.settle(job, 'failed', { error: 'of the past' }), false)
  assert.equal((await a.renew()).size, 0)
  assert.deepEqual(await row(job.id, 'status, error, high_water::text, running_status'), [
    'running',
    '',
    '10.0000000000',
    'running: resolved=0.000000010,0',
  ])
  assert.equal(await b.save(taken, at(11n)), true)

  await b.say(taken, 'transient error: the sink is away')
  assert.deepEqual(await row(job.id, 'running_status'), ['transient error: the sink is away'])
  const scan = { at: { wall: 12n, logical: 0 }, tables: [], fraction: 0.25 }
  assert.equal(await b.save(taken, { tag: 'initial-scan', scan }), true)
  assert.deepEqual(await row(job.id, 'running_status, fraction_completed::text'), [null, '0.25'])
})

test('a server that renews its leases keeps its jobs, and one that goes down lets go of them', async () => {
  const a = await JobStore.open({ query, instance: 'a', seal })
  const b = await JobStore.open({ query, instance: 'b', seal })
  const job = await a.create(newJob())
  await expireLeases()
  assert.deepEqual([...(await a.renew()).keys()], [job.id])
  assert.deepEqual(await b.claim({ fromOthers: false, known: [] }), [])
  await a.release()
  assert.deepEqual(
    (await b.claim({ fromOthers: false, known: [] })).map(({ id }) => id),
    [job.id],
  )
})

test('of several jobs all are asked or none, and only those of the user', async () => {
  const store = await JobStore.open({ query, instance: 'a', seal })
  const mine = await store.create(newJob('bob'))
  const other = await store.create(newJob('root'))
  const over = await store.create(newJob('bob'))
  await store.settle(over, 'failed', { error: 'it failed' })
  const statuses = async (): Promise<unknown> =>
    (await query('SELECT status FROM changefeed.jobs ORDER BY job_id', [])).flat()
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
  await assert.rejects(store.request([mine.id], 'resume'), /with status pause-requested cannot be resumed/)
  await store.request([mine.id, other.id], 'cancel')
  assert.deepEqual(await statuses(), ['cancel-requested', 'cancel-requested', 'failed'])
})

test('ended jobs are kept as long as the setting says, others for ever', async () => {
  const store = await JobStore.open({ query, instance: 'a', seal })
  const [old, young, running, paused] = [
    await store.create(newJob()),
    await store.create(newJob()),
    await store.create(newJob()),
    await store.create(newJob()),
  ]
  await store.settle(old, 'succeeded')
  await store.request([young.id], 'cancel')
  await store.settle(young, 'canceled')
  await store.settle(paused, 'paused')
  await query(
    `UPDATE changefeed.jobs SET created = created - interval '30 days', modified = modified - interval '30 days'`,
    [],
  )
  await query(`UPDATE changefeed.jobs SET finished = finished - interval '15 days' WHERE job_id = $1`, [old.id])
  await store.prune(14 * 86_400_000)
  const left = (await query('SELECT job_id::text FROM changefeed.jobs ORDER BY job_id', [])).flat()
  assert.deepEqual(left, [young.id, running.id, paused.id])
  await store.prune(0)
  assert.deepEqual((await query('SELECT job_id::text FROM changefeed.jobs ORDER BY job_id', [])).flat(), [
    running.id,
    paused.id,
  ])
})

/** What runs where, as the starters of two servers see it. */
class Runs {
  readonly begun: {
    readonly server: string
    readonly job: ClaimedJob
    readonly handlers: JobHandlers
    /** The feed ends with what its save threw, as a real one does. */
    readonly fail: (error: Error) => void
  }[] = []

  starter(server: string): JobStarter {
    return async (job, handlers) => {
      await new Promise<void>((_, reject) => {
        this.begun.push({ server, job, handlers, fail: reject })
        handlers.signal.addEventListener('abort', () => reject(handlers.signal.reason as Error))
      })
    }
  }
}

async function registry(name: string, start: JobStarter): Promise<JobRegistry> {
  return JobRegistry.open({
    store: await JobStore.open({ query, instance: name, seal }),
    start,
    log: pino({ level: 'silent' }),
    backoff: () => ({ firstMs: 1, mostMs: 1 }),
    retentionMs: () => 86_400_000,
    scopes,
  })
}

test('two servers do not run a job at the same time; the one that lost it stops, and does not call that a failure', async () => {
  const earlier = { ...scopes.total }
  const runs = new Runs()
  const a = await registry('a', runs.starter('a'))
  let b: JobRegistry | undefined
  try {
    const job = newJob()
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
    assert.deepEqual([scopes.total.retries - earlier.retries, scopes.total.failures - earlier.failures], [0, 0])
    assert.equal(b.running.length, 1)
    assert.deepEqual(await row(id, 'status, claimed_by'), ['running', 'b'])

    // What is asked of one server reaches the other.
    await a.request([id], 'cancel')
    await within(withinMs, 'it is cancelled', async () => (await row(id))[0] === 'canceled')
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
    const job = newJob()
    await a.create(job)
    await within(withinMs, 'it runs', () => hasBegun)
    const paused = a.request([job.id], 'pause')
    await within(withinMs, 'it is to be paused', async () => (await row(job.id))[0] === 'pause-requested')
    const canceled = a.request([job.id], 'cancel')
    await within(withinMs, 'it is to be cancelled', async () => (await row(job.id))[0] === 'cancel-requested')
    stopping.resolve()
    await Promise.all([paused, canceled])
    await within(withinMs, 'it is cancelled', async () => (await row(job.id))[0] === 'canceled')
  } finally {
    stopping.resolve()
    await a.close()
  }
})

test('a job that fails is tried again from what it saved; what no retry mends ends it', async () => {
  const earlier = { ...scopes.total }
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
  const job = newJob()
  const jobs = await registry('a', start)
  try {
    const { id } = job
    await jobs.create(job)
    await within(withinMs, 'it has failed', async () => (await row(id))[0] === 'failed')
    assert.deepEqual(seen, [job.progress, job.progress, at(7n)])
    assert.deepEqual(await row(id, 'error, claimed_by, finished IS NOT NULL'), ['"t" was truncated', null, true])
    assert.deepEqual([scopes.total.retries - earlier.retries, scopes.total.failures - earlier.failures], [2, 1])
  } finally {
    await jobs.close()
  }
})

test('no credential of a sink is in the table, not even one that an earlier version wrote; the job has it', async () => {
  const kafka = { tag: 'kafka', brokers: ['b:9092'], sasl: { user: 'me', password: 'hunter2' } } as unknown as SinkSpec
  const job = newJob()
  const spec = { ...job.payload.spec, sink: kafka }
  const store = await JobStore.open({ query, instance: 'a', seal })
  await store.create({ ...job, payload: { spec, onError: 'fail' } })
  const old = newJob()
  await store.create(old)
  await query('UPDATE changefeed.jobs SET payload = $2 WHERE job_id = $1', [
    old.id,
    JSON.stringify({ spec, onError: 'fail' }),
  ])
  const next = await JobStore.open({ query, instance: 'b', seal })
  const claimed = await next.claim({ fromOthers: true, known: [] })
  assert.deepEqual(
    claimed.map(({ sink }) => sink()),
    [kafka, kafka],
  )
  const payloads = (await query('SELECT payload FROM changefeed.jobs', [])).flat()
  assert.equal(payloads.length, 2)
  for (const text of payloads) assert.ok(text?.includes('"sealed"') === true && !text.includes('hunter2'))
})

test('a job whose credentials cannot be read is paused with the reason, and the others run', async () => {
  const kafka = { tag: 'kafka', brokers: ['b:9092'] } as unknown as SinkSpec
  const lost = newJob()
  const fine = newJob()
  const store = await JobStore.open({ query, instance: 'gone', seal })
  await store.create({ ...lost, payload: { spec: { ...lost.payload.spec, sink: kafka }, onError: 'fail' } })
  await store.create(fine)
  const other = new PayloadSeal(Buffer.alloc(32, 1), 'another key file')
  const jobs = await JobRegistry.open({
    store: await JobStore.open({ query, instance: 'a', seal: other }),
    start: async ({ sink }, { signal }) => {
      sink()
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    },
    log: pino({ level: 'silent' }),
    backoff: () => ({ firstMs: 1, mostMs: 1 }),
    retentionMs: () => 86_400_000,
  })
  try {
    await within(withinMs, 'it is paused', async () => (await row(lost.id))[0] === 'paused')
    assert.match((await row(lost.id, 'error'))[0] ?? '', /cannot be decrypted with the key in another key file/)
    assert.deepEqual(await row(fine.id), ['running'])
  } finally {
    await jobs.close()
  }
})

test('a job of a later version waits as it is, says why, and obeys PAUSE and CANCEL; the others run', async () => {
  const store = await JobStore.open({ query, instance: 'later', seal })
  const later = newJob()
  const fine = newJob()
  await store.create(later)
  await store.create(fine)
  await store.release()
  const written = ['{"version":9,"all":"else"}', '{"version":9,"phase":"backfill"}'] as const
  await query('UPDATE changefeed.jobs SET payload = $2, progress = $3 WHERE job_id = $1', [later.id, ...written])
  const runs = new Runs()
  const jobs = await registry('a', runs.starter('a'))
  try {
    await within(withinMs, 'the other runs', () => runs.begun.length === 1)
    assert.equal(runs.begun[0]?.job.id, fine.id)
    const [status, runningStatus, claimedBy, ...records] = await row(
      later.id,
      'status, running_status, claimed_by, payload, progress',
    )
    assert.deepEqual([status, claimedBy, ...records], ['running', null, ...written])
    assert.match(runningStatus ?? '', /^waiting: a later version of pg-changefeed has written it/)
    assert.deepEqual(await store.refuseLater(), [], 'it is said once')
    // Nobody knows which tables and changes it needs, so nothing may be given up.
    for (const ask of [() => store.unfinished(), () => store.restingProgress()])
      await assert.rejects(ask, new RegExp(`job ${later.id} was written by a later version`))

    await jobs.request([later.id], 'pause')
    assert.deepEqual(await row(later.id, 'status, payload, progress'), ['paused', ...written])
    await jobs.request([later.id], 'resume')
    assert.deepEqual((await row(later.id, 'status, running_status'))[0], 'running')
    await jobs.request([later.id], 'cancel')
    assert.deepEqual(await row(later.id, 'status, running_status, finished IS NOT NULL'), ['canceled', null, true])
    await jobs.request([fine.id], 'pause')
    assert.deepEqual(await store.restingProgress(), [{ database: 'd', progress: fine.progress }])
  } finally {
    await jobs.close()
  }
})

test('a job that a program without versions has written runs from where it was', async () => {
  const store = await JobStore.open({ query, instance: 'old', seal })
  const job = newJob()
  await store.create(job)
  await query('UPDATE changefeed.jobs SET payload = $2, progress = $3 WHERE job_id = $1', [
    job.id,
    '{"spec":{"database":"d","sink":{"tag":"null"}},"onError":"fail"}',
    '{"highWater":{"wall":{"$":"10n"},"logical":0}}',
  ])
  const next = await JobStore.open({ query, instance: 'new', seal })
  const [claimed] = await next.claim({ fromOthers: true, known: [] })
  assert.deepEqual(claimed?.progress, at(10n))
  assert.deepEqual(claimed?.payload.onError, 'fail')
})

test('who may write every table cannot give themselves rights by it, nor jobs of others', async () => {
  const store = await JobStore.open({ query, instance: 'a', seal })
  await SettingsStore.open(query)
  await keepToOwner(query)
  const job = newJob()
  await store.create(job)
  await query('CREATE ROLE forger LOGIN', [])
  await query('GRANT pg_write_all_data, pg_read_all_data TO forger', [])
  const forger = await database.connect('forger')
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
  await query('DROP ROLE forger', [])
  assert.deepEqual(await row(job.id, 'user_name'), ['root'])
  // The owner writes as before, and a second start finds everything done.
  await keepToOwner(query)
  await store.request([job.id], 'cancel', 'root')
})

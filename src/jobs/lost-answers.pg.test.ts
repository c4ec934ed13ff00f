// PostgreSQL commits, and its answer never comes: whatever statement of the job store that happens to, the job then runs,
// or is in a state that its user sees and can control, and this server counts as running what its rows say.

import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { at, JobsUnderTest } from '../../test/support/jobs-under-test.ts'
import { within } from '../../test/support/until.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { JobHandlers, JobStarter } from './jobs.ts'
import type { JobRegistry } from './registry.ts'

const withinMs = 10_000
let table: JobsUnderTest
/** The next statement that matches runs, and its answer is lost. */
let losing: { readonly pattern: RegExp; times: number } | undefined
let lost = 0

before(async () => {
  table = await JobsUnderTest.start()
  const ask = table.query
  table.query = async (sql, parameters) => {
    const rows = await ask(sql, parameters)
    if (losing !== undefined && losing.times > 0 && losing.pattern.test(sql)) {
      losing.times -= 1
      lost += 1
      throw new Error('Connection terminated unexpectedly')
    }
    return rows
  }
})
after(() => table[Symbol.asyncDispose]())
beforeEach(() => {
  losing = undefined
  lost = 0
  return table.clear()
})

interface Feed {
  readonly handlers: JobHandlers
  readonly end: PromiseWithResolvers<void>
}

/** One registry, and the feeds that it started. */
class Jobs implements AsyncDisposable {
  readonly feeds: Feed[] = []
  registry!: JobRegistry

  static async open(name = 'a'): Promise<Jobs> {
    const jobs = new Jobs()
    const start: JobStarter = async (_, handlers) => {
      const end = Promise.withResolvers<void>()
      jobs.feeds.push({ handlers, end })
      handlers.signal.addEventListener('abort', () => end.reject(handlers.signal.reason as Error))
      await end.promise
    }
    jobs.registry = await table.registry(name, start, { lookEveryMs: 50 })
    return jobs
  }

  get last(): Feed {
    return this.feeds.at(-1) as Feed
  }

  async create(): Promise<string> {
    const job = table.newJob()
    await this.registry.create(job)
    await within(withinMs, 'it runs', () => this.feeds.some(({ handlers }) => !handlers.signal.aborted))
    return job.id
  }

  /** The job runs here, once; it can be paused, resumed and cancelled. */
  async obeys(id: string): Promise<void> {
    const isRunning = (): boolean =>
      this.registry.running.length === 1 && this.feeds.filter(({ handlers }) => !handlers.signal.aborted).length === 1
    await within(withinMs, 'it runs once', isRunning)
    assert.deepEqual(await table.row(id, 'status, claimed_by'), ['running', 'a'])
    await this.registry.request([id], 'pause')
    await within(withinMs, 'it is paused', async () => (await table.row(id))[0] === 'paused')
    await within(withinMs, 'nothing runs', () => this.registry.running.length === 0)
    await this.registry.request([id], 'resume')
    await within(withinMs, 'it runs again', isRunning)
    await this.registry.request([id], 'cancel')
    await within(withinMs, 'it is cancelled', async () => (await table.row(id))[0] === 'canceled')
    await within(withinMs, 'nothing runs', () => this.registry.running.length === 0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    losing = undefined
    await this.registry.close()
  }
}

const lose = (pattern: RegExp, times = 1): void => void (losing = { pattern, times })

test('the INSERT of CREATE: the statement asks again, and there is one job', async () => {
  await using jobs = await Jobs.open()
  lose(/^INSERT/)
  const id = await jobs.create()
  assert.equal(lost, 1)
  assert.equal((await table.query('SELECT job_id FROM changefeed.jobs', [])).length, 1)
  await jobs.obeys(id)
})

test('the INSERT of CREATE, again and again: the error names the job, which runs', async () => {
  await using jobs = await Jobs.open()
  lose(/^INSERT/, 100)
  const job = table.newJob()
  await assert.rejects(jobs.registry.create(job), (error: FeedError) => {
    assert.match(error.message, new RegExp(`did not say whether job ${job.id} was created`))
    assert.match(error.hint ?? '', new RegExp(`CANCEL JOB ${job.id}`))
    return true
  })
  losing = undefined
  await jobs.obeys(job.id)
})

test('an INSERT of CREATE that PostgreSQL refuses leaves no job', async () => {
  await using jobs = await Jobs.open()
  await table.query(`ALTER TABLE changefeed.jobs ADD CONSTRAINT nobody CHECK (user_name <> 'root')`, [])
  await assert.rejects(jobs.registry.create(table.newJob()), /violates check constraint "nobody"/)
  assert.deepEqual(await table.query('SELECT job_id FROM changefeed.jobs', []), [])
})

const claim = /^UPDATE changefeed.jobs SET claimed_by = \$1/
const settle = /SET status = \$4/

test('a claim at the start: the next look takes it up', async () => {
  const job = table.newJob()
  await (await table.store('gone')).create(job)
  lose(claim)
  await using jobs = await Jobs.open()
  await within(withinMs, 'the answer was lost', () => lost === 1)
  await jobs.obeys(job.id)
})

test('a claim of what was resumed: the next look takes it up', async () => {
  await using jobs = await Jobs.open()
  const id = await jobs.create()
  await jobs.registry.request([id], 'pause')
  await within(withinMs, 'it is paused', async () => (await table.row(id))[0] === 'paused')
  lose(claim)
  await jobs.registry.request([id], 'resume')
  await within(withinMs, 'the answer was lost', () => lost === 1)
  await jobs.obeys(id)
})

test('the renewal of leases, and the pruning', async () => {
  await using jobs = await Jobs.open()
  const id = await jobs.create()
  lose(/RETURNING job_id::text, epoch::text, status, pg_catalog/, 3)
  await within(withinMs, 'the answers were lost', () => lost === 3)
  await jobs.obeys(id)
  lose(/^DELETE/)
  await using other = await Jobs.open('b')
  await within(withinMs, 'the answer was lost', () => lost === 4)
  assert.equal(other.registry.running.length, 0)
})

test('the saving of progress: the feed goes on from what was known before', async () => {
  await using jobs = await Jobs.open()
  const id = await jobs.create()
  await jobs.last.handlers.save(at(5n))
  lose(/SET progress/)
  await jobs.last.handlers.save(at(6n)).then(
    () => assert.fail('it was saved'),
    (error: Error) => jobs.last.end.reject(error),
  )
  await within(withinMs, 'it is tried again', () => jobs.feeds.length === 2)
  assert.deepEqual(jobs.last.handlers.resume, at(5n))
  assert.equal((await table.row(id, 'high_water::text'))[0], '6.0000000000')
  jobs.feeds.shift()
  await jobs.obeys(id)
})

test('the word on a transient error', async () => {
  await using jobs = await Jobs.open()
  const id = await jobs.create()
  lose(/SET running_status = \$3/)
  jobs.last.end.reject(new FeedError('FEED_SINK', 'the sink is away'))
  await within(withinMs, 'it is tried again', () => jobs.feeds.length === 2)
  assert.equal(lost, 1)
  jobs.feeds.shift()
  await jobs.obeys(id)
})

test('the end of a job, whichever it is: the row says it once, and nothing runs', async () => {
  for (const [status, end] of [
    ['succeeded', ({ last }: Jobs) => last.end.resolve()],
    ['failed', ({ last }: Jobs) => last.end.reject(new FeedError('FEED_TRUNCATED', '"t" was truncated'))],
    ['paused', ({ registry }: Jobs, id: string) => registry.request([id], 'pause')],
    ['canceled', ({ registry }: Jobs, id: string) => registry.request([id], 'cancel')],
  ] as const) {
    await using jobs = await Jobs.open()
    const id = await jobs.create()
    lose(settle, 2)
    await end(jobs, id)
    await within(withinMs, status, async () => (await table.row(id))[0] === status)
    await within(withinMs, 'nothing runs', () => jobs.registry.running.length === 0)
    assert.deepEqual(await table.row(id, 'status, claimed_by'), [status, null])
    assert.equal(jobs.feeds.length, 1, `it ran again after it was ${status}`)
  }
  assert.ok(lost >= 4)
})

test('a request: what was asked is done all the same', async () => {
  await using jobs = await Jobs.open()
  const id = await jobs.create()
  for (const [verb, status] of [
    ['pause', 'paused'],
    ['resume', 'running'],
    ['cancel', 'canceled'],
  ] as const) {
    lose(/^WITH asked/)
    await assert.rejects(jobs.registry.request([id], verb), /terminated unexpectedly/)
    await within(withinMs, status, async () => (await table.row(id))[0] === status)
    await within(withinMs, 'what runs is what the row says', () =>
      status === 'running' ? jobs.registry.running.length === 1 : jobs.registry.running.length === 0,
    )
  }
})

test('the release at the end of a server: the next server takes the job', async () => {
  const jobs = await Jobs.open()
  const id = await jobs.create()
  lose(/SET claimed_by = NULL/)
  await assert.rejects(jobs.registry.close(), /terminated unexpectedly/)
  await using next = await Jobs.open('b')
  await within(withinMs, 'it runs', () => next.registry.running.length === 1)
  assert.deepEqual(await table.row(id, 'status, claimed_by'), ['running', 'b'])
})

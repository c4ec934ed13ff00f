// One case whose feeds are jobs. Besides SQL, a step may do to the broker or the slot what no statement does, and expect
// in words what SHOW JOBS, the metrics and the notices say.

import assert from 'node:assert/strict'
import { KafkaFeed } from '../feed/kafka-feed.ts'
import { until } from '../support/until.ts'
import type { ConformanceCase } from './cases.ts'
import { checkRows, writtenAs } from './check-rows.ts'
import { inOwnDatabase, registryOf, runStatement, type CaseDatabase, type CaseWorld } from './run-case.ts'

const withinMs = 30_000

/** The user and password are there to be redacted. */
const secretSink = 'null://somebody:secret@sink.example'
const shownSink = 'null://redacted@sink.example'

export async function runJobCase(world: CaseWorld, original: ConformanceCase): Promise<void> {
  await inOwnDatabase(world, original, (database) => new JobCase(world, original, database).run())
}

class JobCase {
  readonly #world: CaseWorld
  readonly #case: ConformanceCase
  readonly #database: CaseDatabase
  readonly #topicPrefix: string
  readonly #feeds: KafkaFeed[] = []
  /** Row messages that steps have accounted for, by feed. */
  readonly #seen = new Map<KafkaFeed, number>()
  #isBrokerDown = false
  #metricsBefore = { retries: 0, failures: 0 }

  constructor(world: CaseWorld, original: ConformanceCase, database: CaseDatabase) {
    this.#world = world
    this.#case = original
    this.#database = database
    this.#topicPrefix = `${original.id.replaceAll('-', '_')}_`
  }

  async run(): Promise<void> {
    const { feed, steps } = this.#case
    try {
      this.#metricsBefore = await this.#metrics()
      for (const statement of feed.split(' -- and a second feed: ')) this.#feeds.push(await this.#open(statement))
      for (const step of steps) {
        if (step.sql !== undefined) await this.#do(step.sql)
        for (const text of step.expect ?? []) {
          const range = rangeOf(text)
          if (range !== undefined) await this.#expectAll(range)
          else if (!isRow(text)) await this.#expectWords(text)
        }
        const rows = (step.expect ?? []).filter(isRow)
        if (rows.length > 0) await this.#expectRows(rows)
        if (step.expect_error !== undefined) await this.#expectError(step.expect_error)
      }
      const mayFail = steps.some(
        ({ expect, expect_error: error }) => error !== undefined || expect?.some((text) => /\bfailed\b/.test(text)),
      )
      for (const feed of this.#feeds) {
        if (!mayFail && feed.error !== undefined) throw feed.error
        if (!mayFail && feed.jobId !== '')
          assert.notEqual((await feed.status()).status, 'failed', (await feed.status()).error)
        if (feed.jobId !== '' && !this.#mayRepeat) await feed.drained()
        assert.deepEqual(feed.failures, [])
        if (!this.#mayRepeat) assert.deepEqual(feed.texts.slice(this.#seen.get(feed) ?? 0), [])
      }
    } finally {
      if (this.#isBrokerDown) await this.#world.broker?.restart()
      for (const feed of this.#feeds) await feed[Symbol.asyncDispose]()
    }
  }

  /** After a failure of the sink what came before may come again. */
  get #mayRepeat(): boolean {
    return this.#case.area === 'retry'
  }

  #open(statement: string): Promise<KafkaFeed> {
    const { client, placeholders, named } = this.#database
    const { server, broker } = this.#world
    placeholders.set('kafka', broker?.bootstrap ?? 'no broker')
    placeholders.set('prefix', this.#topicPrefix)
    placeholders.set('project', this.#case.id)
    const text = named(placeholders.fill(statement))
    return KafkaFeed.open({
      server,
      client,
      statement: text,
      values: text.includes('$1') ? [secretSink, 'wrapped'] : [],
      broker: text.includes('topic_prefix') ? broker : undefined,
      topicPrefix: this.#topicPrefix,
      topics: (/ FOR (?:TABLE )?(\w+(?:, \w+)*)/.exec(text)?.[1] ?? '').split(', '),
      hasKeys: !/\bcsv\b/.test(text),
      registry: registryOf(this.#world, statement),
      asAvro: true,
    })
  }

  async #do(sql: string): Promise<void> {
    const { client, placeholders } = this.#database
    const { broker } = this.#world
    if (sql === '-- kill the broker --') {
      await broker?.kill()
      this.#isBrokerDown = true
    } else if (sql === '-- restart the broker --') {
      this.#isBrokerDown = false
      await broker?.restart()
    } else if (/^(PAUSE|RESUME) JOB \$1/.test(sql)) {
      await client.query(sql.split(' -- ')[0] as string, [this.#feeds[0]?.jobId])
      if (sql.startsWith('PAUSE')) assert.equal((await this.#feeds[0]?.status())?.status, 'paused')
    } else await runStatement(this.#world.server, client, sql, placeholders)
  }

  async #expectWords(text: string): Promise<void> {
    const feed = this.#feeds[0] as KafkaFeed
    const after = (start: string): string | undefined => (text.startsWith(start) ? text.slice(start.length) : undefined)
    const notice = after('NOTICE: ')
    const description = after('job description: ')
    const failed = after('job state becomes failed with error: ')
    const status = after('job still running; its status message and SHOW JOBS.running_status contain: ')
    const retries = /^error_retries metric reaches (\d+) or more$/.exec(text)?.[1]
    const failures = /^jobs: failed; changefeed\.failures = (\d+)$/.exec(text)?.[1]
    if (text === 'no notice') assert.deepEqual(feed.notices, [])
    else if (notice !== undefined) {
      if (feed.error !== undefined) throw feed.error
      assert.ok(feed.notices.includes(notice), `${notice} is not among ${feed.notices.join(' | ')}`)
    } else if (description !== undefined) {
      const wanted = this.#database.named(description.replace('<redacted sink>', shownSink))
      assert.equal((await feed.status()).description, wanted)
    } else if (failed !== undefined) {
      assert.equal((await feed.job.reaches('failed')).error, failed.replace(/ \(.*\)$/, ''))
    } else if (status !== undefined) {
      const row = await until(`running_status contains ${status}`, withinMs, async () => {
        const now = await feed.status()
        return now.running_status?.includes(status) === true ? now : undefined
      })
      assert.equal(row.status, 'running')
    } else if (retries !== undefined) {
      await until(text, withinMs, async () =>
        (await this.#metrics()).retries - this.#metricsBefore.retries >= Number(retries) ? true : undefined,
      )
    } else if (failures !== undefined) {
      for (const each of this.#feeds) await each.job.reaches('failed')
      assert.equal((await this.#metrics()).failures - this.#metricsBefore.failures, Number(failures))
    } else if (text === 'job state becomes succeeded') {
      await feed.job.reaches('succeeded')
    } else if (text === 'a high-water mark') {
      await until(text, withinMs, async () => ((await feed.status()).high_water_timestamp === null ? undefined : true))
    } else if (/^(?:a|two) resolved timestamps?\b/.test(text)) {
      const count = text.startsWith('two') ? 2 : 1
      await until(text, withinMs, () => (feed.resolved.length >= count ? true : undefined))
    } else throw new Error(`the runner does not know what this means: ${text}`)
  }

  /** All rows of a range in any order, and nothing else by the end of the job. */
  async #expectAll(wanted: readonly string[]): Promise<void> {
    const feed = this.#feeds[0] as KafkaFeed
    await feed.job.reaches('succeeded')
    await feed.row(wanted.length)
    await feed.drained()
    assert.deepEqual([...feed.texts].sort(), [...wanted].sort())
    this.#seen.set(feed, wanted.length)
  }

  async #expectRows(wanted: readonly string[]): Promise<void> {
    for (const feed of this.#feeds) {
      const own = wanted.filter((text) => this.#feedOf(text) === feed)
      if (own.length === 0) continue
      const from = this.#seen.get(feed) ?? 0
      if (this.#mayRepeat) {
        await until(`${own.join(', ')}`, withinMs, () =>
          own.every((text) => feed.texts.includes(withoutHeaders(text))) ? true : undefined,
        )
        continue
      }
      await feed.row(from + own.length)
      const like = withoutHeaders(own[0] ?? '')
      const came = feed.rows.slice(from, from + own.length).map((message) => writtenAs(like, message))
      checkRows(came, own.map(withoutHeaders), this.#database.placeholders)
      this.#seen.set(feed, from + own.length)
      for (const text of own) this.#expectHeaders(feed, text)
    }
  }

  #expectHeaders(feed: KafkaFeed, text: string): void {
    const headers = /^headers ([\w-]+)=([^;]*);/.exec(text)
    if (headers === null) return
    for (const message of feed.records) {
      const seen = [...message.headers].map(([name, value]) => [String(name), String(value)])
      assert.deepEqual(seen, [[headers[1], headers[2]]])
    }
  }

  #feedOf(text: string): KafkaFeed | undefined {
    if (this.#feeds.length === 1) return this.#feeds[0]
    const table = /^(\w+): /.exec(withoutHeaders(text))?.[1] ?? ''
    return this.#feeds.find(({ topics }) => topics.includes(table))
  }

  /** Of the statement, or of a job that fails. */
  async #expectError(text: string): Promise<void> {
    const pattern = this.#database.placeholders.errorPattern(this.#database.named(text))
    const refused = this.#feeds.find(({ error }) => error !== undefined)
    if (refused?.error !== undefined) {
      const { message, hint = '' } = refused.error
      // Some cases give the hint of the error.
      assert.match(pattern.test(hint) ? hint : message, pattern)
      return
    }
    assert.doesNotMatch(this.#case.area, /^validation-/, `the statement was accepted; it should say ${text}`)
    await until(`a job fails with ${text}`, withinMs, async () => {
      for (const feed of this.#feeds) {
        const { status, error } = await feed.status()
        if (status === 'failed' && pattern.test(error)) return true
      }
      return undefined
    })
  }

  async #metrics(): Promise<{ retries: number; failures: number }> {
    const text = await (await fetch(`http://127.0.0.1:${this.#world.server.httpPort}/_status/vars`)).text()
    const value = (name: string): number => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1])
    return { retries: value('changefeed_error_retries'), failures: value('changefeed_failures') }
  }
}

/** `foo: [<i>]->{"after": {"a": <i>}} for i = 1..5000, nothing else` */
function rangeOf(text: string): readonly string[] | undefined {
  const [, pattern, from, to] = /^(.*) for i = (\d+)\.\.(\d+), nothing else$/.exec(text) ?? []
  if (pattern === undefined) return undefined
  const first = Number(from)
  return Array.from({ length: Number(to) - first + 1 }, (_, i) => pattern.replaceAll('<i>', String(first + i)))
}

/** A message of JSON or Avro, or a line of CSV. */
function isRow(text: string): boolean {
  return rangeOf(text) === undefined && /^(?:\w+: [[{].*[\]}]->|\d+,\w+$)/.test(withoutHeaders(text))
}

function withoutHeaders(text: string): string {
  return text.replace(/^headers [^;]*; /, '')
}

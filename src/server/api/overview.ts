// The page that shows at a glance whether all is well: sources, changefeeds, and what needs attention first.

import type { ListedJob, ListedJobs } from '../../jobs/listed-jobs.ts'
import type { HealthProblem } from '../../http/http.ts'
import { jobsProblems, postgresProblems, sourceProblems } from '../explain/trouble-notices.ts'
import { readSql } from '../../sql/sql.ts'
import type { ServerParts } from '../server-parts.ts'
import type { Source } from '../sources/open-source.ts'
import { shownStatement } from '../statements/shown-statement.ts'
import type { ConnectionFeedAnswer, JobAnswer, OverviewAnswer, SourceAnswer } from './answers.ts'
import { needsAttention } from './attention.ts'
import type { FeedRates } from './feed-rates.ts'
import { LastKnown } from './last-known.ts'
import type { KeptSince } from './kept-since.ts'
import { reachedBy, showJob } from './show-job.ts'

/** More jobs are only counted. */
const readJobs = 2000
const shownFeeds = 25
const shownConnections = 25
/** A page waits no longer for PostgreSQL. */
const storedWithinMs = 2000

export type OverviewParts = Pick<
  ServerParts,
  'backend' | 'jobs' | 'sources' | 'feeds' | 'running' | 'rights' | 'certificates' | 'log'
> & {
  readonly listed: ListedJobs
  readonly rates: FeedRates
  readonly kept: KeptSince
}

/** What PostgreSQL knows of the jobs that a role sees. */
interface StoredPart {
  readonly unfinished: JobsPage
  readonly failed: JobsPage
  readonly counts: Readonly<Record<string, number>>
  readonly connections: readonly ConnectionFeedAnswer[]
}

type JobsPage = Awaited<ReturnType<ListedJobs['page']>>

const noJobs: JobsPage = { jobs: [], total: 0 }
const nothing: StoredPart = { unfinished: noJobs, failed: noJobs, counts: {}, connections: [] }

export class Overview {
  readonly #parts: OverviewParts
  readonly #stored = new LastKnown<StoredPart>(storedWithinMs)
  readonly #specs = new LastKnown<ReadonlyMap<string, ListedJob['spec']>>(storedWithinMs)

  constructor(parts: OverviewParts) {
    this.#parts = parts
  }

  /** Sources and rates are known here. What PostgreSQL does not say in time is as it was last, and the first line says so. */
  async answer(user: string): Promise<OverviewAnswer> {
    const { backend, jobs, sources, feeds: pool, listed, rates } = this.#parts
    const { value = nothing, trouble: why } = await this.#stored.ask(user, () => this.#readStored(user))
    const { unfinished, failed, counts, connections } = value
    const nowMs = Date.now()
    const feeds = new Map(pool.running.map((feed) => [feed.id, feed]))
    const shown = { nowMs, rates, feeds }
    const read = unfinished.jobs.map((row) => ({ row, job: showJob(row, shown) }))
    const worst = read.toSorted((a, b) => trouble(b.job) - trouble(a.job)).slice(0, shownFeeds)
    const ids = worst.map(({ row }) => row.id)
    // What a job reads is large, and was not read for all of them.
    const specs =
      why !== undefined || ids.length === 0
        ? undefined
        : await this.#specs.ask(JSON.stringify([user, ids]), async () => {
            const page = await listed.page(user, { ids, limit: ids.length })
            return new Map(page.jobs.map(({ id, spec }) => [id, spec]))
          })
    const lags = read.flatMap(({ job }) => (job.status === 'running' && job.lagMs !== null ? [job.lagMs] : []))
    const running = pool.running.map((feed) => rates.of(feed))
    return {
      nowMs,
      attention: needsAttention({
        nowMs,
        problems: [
          ...postgresProblems(backend),
          ...silence(why ?? specs?.trouble),
          ...jobsProblems(jobs),
          ...sourceProblems(sources),
        ],
        certificates: this.#parts.certificates(),
        jobs: [...read.map(({ job }) => job), ...failed.jobs.map((row) => showJob(row, shown))],
      }),
      sources: sources.all.map((source) => showSource(source, sourceProblems({ all: [source] }))),
      feeds: worst.map(({ row, job }) => ({
        ...job,
        ...placeOf({ ...row, spec: specs?.value?.get(row.id) }, this.#parts),
      })),
      feedsTotal: unfinished.total,
      counts,
      connections: connections.slice(0, shownConnections),
      connectionsTotal: connections.length,
      totals: {
        messagesPerSecond: running.reduce((sum, { messagesPerSecond }) => sum + messagesPerSecond, 0),
        bytesPerSecond: running.reduce((sum, { bytesPerSecond }) => sum + bytesPerSecond, 0),
        worstLagMs: lags.length === 0 ? null : Math.max(...lags),
      },
    }
  }

  async #readStored(user: string): Promise<StoredPart> {
    const { listed } = this.#parts
    const [unfinished, failed, counts, connections] = await Promise.all([
      listed.page(user, { isUnfinished: true, hasSpec: false, limit: readJobs }),
      listed.page(user, { statuses: ['failed'], hasSpec: false, limit: 20 }),
      listed.counts(user),
      connectionsOf(this.#parts, user),
    ])
    return { unfinished, failed, counts, connections }
  }
}

function silence(why: string | undefined): readonly HealthProblem[] {
  if (why === undefined) return []
  const hint = 'see whether PostgreSQL and its machine work; changefeeds go on when it answers'
  return [{ error: `the jobs on this page are as they were last, or missing: ${why}`, hint }]
}

function placeOf(
  row: ListedJob,
  { sources, feeds, kept }: Pick<OverviewParts, 'sources' | 'feeds' | 'kept'>,
): { readonly retainedBytes: number | null; readonly database: string | null } {
  const database = row.spec?.database ?? null
  if (database === null) return { retainedBytes: null, database }
  const feed = feeds.running.find(({ id }) => id === row.id)
  return { retainedBytes: kept.bytes(sources.of(database), reachedBy(row, feed)), database }
}

/** What stands still comes first, then what is furthest behind. */
function trouble({ phase, error, lagMs }: JobAnswer): number {
  const standing = phase === 'retrying' || error !== '' ? 3 : phase === 'waiting' ? 2 : 0
  return standing * 1e15 + (lagMs ?? 0)
}

/** EXPLAIN, and a job that is being created, are statements about changefeeds, too. */
function isOnConnection(text: string): boolean {
  const [piece] = readSql(text, { dialect: false, show: () => undefined }) ?? []
  return piece?.tag === 'ours' && piece.statement.tag === 'create-changefeed' && piece.statement.sink === undefined
}

async function connectionsOf(
  { running, rights }: Pick<OverviewParts, 'running' | 'rights'>,
  user: string,
): Promise<readonly ConnectionFeedAnswer[]> {
  const all = running.all.filter(({ sql }) => isOnConnection(sql))
  if (all.length === 0) return []
  const seen = await rights.mayReadStatementsOf(user, [...new Set(all.map(({ session }) => session.user))])
  return all
    .filter(({ session }) => seen.has(session.user))
    .map(({ sql, session, startedAtMs }) => ({
      statement: shownStatement(sql),
      user: session.user,
      client: session.applicationName === '' ? session.clientAddress : session.applicationName,
      startedMs: startedAtMs,
    }))
}

function showSource({ connection, log: { status }, ingest }: Source, problems: SourceAnswer['problems']): SourceAnswer {
  const { state, trouble: troubles, slot } = ingest
  const resolvedMs = Number(status.resolvedWall / 1_000_000n)
  const { sourceLsn, endLsn } = status
  const reading = slot.now
  return {
    database: connection.database,
    state: state.tag,
    isReading: (state.tag === 'streaming' || state.tag === 'pulling') && troubles.now === undefined,
    problems,
    changelog: {
      bytes: status.head - status.tail,
      rows: Number(status.rows),
      transactions: Number(status.transactions),
      resolvedMs,
    },
    slot: {
      lagBytes: Number(sourceLsn > endLsn ? sourceLsn - endLsn : 0n),
      lagSeconds: reading === undefined ? null : Math.max(0, reading.clockMs + reading.ageMs - resolvedMs) / 1000,
      walStatus: reading?.walStatus ?? null,
      retainedBytes: reading?.retainedBytes ?? null,
      safeBytes: reading?.safeBytes ?? null,
      secondsLeft: reading?.secondsLeft ?? null,
    },
  }
}

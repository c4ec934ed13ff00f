// Plans a CREATE CHANGEFEED statement and takes its tables under watch: the part before the feed runs, which is the same for
// feeds on a connection and for jobs.

import { randomBytes } from 'node:crypto'
import type { Position } from '../../changelog/changelog.ts'
import type { FeedTarget, ValueFormat } from '../../core/feed-spec.ts'
import { compareHlc, formatHlc, laterHlc, type Hlc } from '../../core/hlc.ts'
import { oldCursorHint } from '../../core/old-cursor-hint.ts'
import { parseLsn } from '../../core/lsn.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { loadPart } from '../../errors/replaced-program.ts'
import { findCut } from '../../feed/scan/find-cut.ts'
import { checkHistory, passOverFormer } from '../../feed/scan/source-timeline.ts'
import type { FindGapOptions } from '../../feed/scan/find-gap.ts'
import { watchTables } from '../../ingest/watch.ts'
import type { BackendQuery, LocalCall } from '../../pg-server/local-statement.ts'
import { waitHint } from '../../postgres/explain-wait.ts'
import { timelineOfFile } from '../../postgres/known-timelines.ts'
import { queryOnce } from '../../postgres/raw-connection.ts'
import { oldRowsNotice } from '../../plan/notices.ts'
import { sourceMode } from '../../source-schema/source-mode.ts'
import { resolveTargets, type Catalogue } from '../../plan/catalogue.ts'
import type { Prerequisites } from '../../plan/prerequisites.ts'
import { closePlan, openPlan, type Opening, type Plan } from '../../plan/plan.ts'
import type { CreateChangefeed } from '../../sql/ast.ts'
import { sayWhatIsKept } from '../sources/kept-wal.ts'
import { catalogueQueries } from './catalogue-queries.ts'
import { currentUser } from './current-user.ts'
import { withRememberedKeys } from './remembered-keys.ts'
import type { Source } from '../sources/open-source.ts'
import type { ServerParts } from '../server-parts.ts'

export interface PlannedChangefeed extends Plan {
  readonly opening: Opening
  /** The user who runs the statement. */
  readonly user: string
}

/** The source and the point in the log from which a feed starts. */
export interface FeedOrigin {
  readonly source: Source
  /** A position that was the head of the log before `startTime`. */
  readonly startPosition: Position
  /** The time of the statement on the source's clock. */
  readonly startTime: Hlc
  /** To be told when the statement has succeeded. */
  readonly notices: readonly string[]
  /** Ends the need for the tables. */
  readonly free: () => void
}

/** A statement whose targets have been looked up, and whose other parts are not checked yet. */
export interface OpenedChangefeed {
  readonly opening: Opening
  readonly catalogue: Catalogue
  /** The user who runs the statement. */
  readonly user: string
}

export async function planChangefeed(
  statement: CreateChangefeed,
  parts: ServerParts,
  call: LocalCall,
): Promise<PlannedChangefeed> {
  const { opening, catalogue, user } = await parts.work.begin(call.signal, () =>
    openChangefeed(statement, parts, { call, prerequisites: prerequisitesOf(parts) }),
  )
  return { ...closePlan(opening, catalogue), opening, user }
}

/** The settings that allow changefeeds. */
export function prerequisitesOf({ settings }: Pick<ServerParts, 'settings'>): Prerequisites {
  return {
    featureEnabled: settings.get('feature.changefeed.enabled'),
    rangefeedEnabled: settings.get('kv.rangefeed.enabled'),
  }
}

/** `prerequisites`: undefined: the caller checks them. */
export async function openChangefeed(
  statement: CreateChangefeed,
  parts: ServerParts,
  { call, prerequisites }: { readonly call: LocalCall; readonly prerequisites?: Prerequisites },
): Promise<OpenedChangefeed> {
  const { settings, backend, sources, rights, scopes } = parts
  const { session, parameters } = call
  const user = await currentUser(session.queryBackend)
  const opening = openPlan(statement, {
    id: randomBytes(8).toString('hex'),
    parameters,
    // If the clock was set back, timestamps of the log may be later than the clock. A cursor with such a timestamp is allowed.
    now: laterHlc(await timeOf(session.queryBackend), sources.lastTime(session.database)),
    database: session.database,
    user,
    creator: await rights.ofCreator(user),
    prerequisites,
    mayUseScope: (scope) => scopes.mayUse(scope),
    showsScopes: settings.get('server.child_metrics.enabled'),
    makesKeys: backend.hasDialect,
    systemDatabase: backend.own?.systemDatabase,
    ...(await wantedRows(call)),
  })
  const queryIn = catalogueQueries(session, backend.source, user)
  const resolved = await resolveTargets(statement.targets, session.database, queryIn)
  const queryOf = (database: string) => (sql: string) => queryOnce({ ...backend.source, database }, sql)
  return { opening, catalogue: await withRememberedKeys(resolved, queryOf), user }
}

/** Takes the tables of the plan under watch: from then on the log holds all of their changes. */
export async function watchPlanned(plan: Plan, parts: ServerParts, call: LocalCall): Promise<FeedOrigin> {
  return parts.work.begin(call.signal, () => watchNow(plan, parts, call))
}

async function watchNow(plan: Plan, { sources, backend }: ServerParts, call: LocalCall): Promise<FeedOrigin> {
  const { spec } = plan
  const isFirst = sources.of(spec.database) === undefined
  const relids = spec.targets.map(({ relid }) => relid)
  const { source, free } = await sources.use(spec.database, relids, {
    signal: call.signal,
    waiting: (why) => call.notice('NOTICE', `changefeed is ${why}`, waitHint),
  })
  try {
    if (isFirst && backend.own === undefined) await sayWhatIsKept(source.connection, call)
    const origin = await watchIn(source, plan, call)
    return { ...origin, notices: await noticesFor(plan, source), free }
  } catch (error) {
    free()
    throw error
  }
}

async function watchIn(
  source: Source,
  { spec, tableChanges }: Plan,
  call: LocalCall,
): Promise<Omit<FeedOrigin, 'free' | 'notices'>> {
  // The position comes before the check that the tables exist: a table that is dropped later is dropped after this position.
  const startPosition = source.log.status.head
  passOverFormer({ log: source.log, source: source.connection })
  const changes = Map.groupBy(tableChanges, ({ relid }) => relid)
  const relids = spec.targets.map(({ relid }) => relid)
  const leafOf = new Map(tableChanges.map((change) => [change.relid, change.leafOf]))
  const since = await watchTables(
    source.connection,
    [...changes, ...spec.targets.flatMap(({ relid }) => (changes.has(relid) ? [] : [[relid, []] as const]))].map(
      ([relid, some]) => ({ relid, leafOf: leafOf.get(relid), statements: some.map(({ sql }) => sql) }),
    ),
    {
      signal: call.signal,
      askedBy: call.session.backendPid,
      progress: (what) => call.notice('NOTICE', `changefeed is ${what}`),
      turns: source.watching,
      ingest: { log: source.log, checkNow: () => source.ingest.checkNow() },
    },
  )
  call.signal.throwIfAborted()
  if (spec.cursor !== undefined) {
    try {
      checkWatched(spec.cursor, since)
      // Throws if the log does not reach back so far. Otherwise the job would fail later, when its client does not see the error.
      source.log.readAfter(spec.cursor)[Symbol.dispose]()
    } catch (error) {
      throw await withGap(error, { log: source.log, relids, after: spec.cursor, signal: call.signal })
    }
  }
  const isFromNow = spec.initialScan === 'no' && spec.cursor === undefined
  // These queries do not use the session's backend, which waits for this statement so that a cancel request can end it.
  const query: BackendQuery = (sql) => queryOnce(source.connection, sql)
  const startTime = isFromNow
    ? await timeOfNow(source, startPosition, { query, signal: call.signal })
    : await timeOf(query)
  await checkThere(spec.targets, query)
  return { source, startPosition, startTime }
}

/** The notices of the statement. Where a DBA prepares the source, no replica identity is changed by us. */
async function noticesFor({ notices, tableChanges }: Plan, { connection }: Source): Promise<readonly string[]> {
  if (tableChanges.length === 0) return notices
  const mode = await sourceMode({ query: (sql) => queryOnce(connection, sql) }, connection)
  return mode === 'installed' ? notices : notices.filter((message) => !message.startsWith(oldRowsNotice))
}

const loadFindGap = () => import('../../feed/scan/find-gap.ts')

/** The error of a cursor that is too old, with what is missing since then, if that is why. */
async function withGap(error: unknown, options: FindGapOptions): Promise<unknown> {
  if (!(error instanceof FeedError) || error.code !== 'FEED_CURSOR_TOO_OLD') return error
  // What it consists of is otherwise loaded in the threads of feeds only.
  const { findGap } = await loadPart(loadFindGap)
  const gap = await findGap(options)
  if (gap === undefined) return error
  const { code, message, hint, cause } = error
  return new FeedError(code, message, { hint, detail: `changes since the cursor are missing: ${gap}`, cause })
}

/** Returns the log's timestamp of this moment: everything committed so far is at or below it, and later commits are above it. */
async function timeOfNow(
  { log, ingest, connection }: Source,
  from: Position,
  { query, signal }: { readonly query: BackendQuery; readonly signal: AbortSignal },
): Promise<Hlc> {
  ingest.demand(1)
  try {
    const [row] = await query(
      'SELECT lsn::text, pg_catalog.pg_walfile_name(lsn) FROM pg_catalog.pg_current_wal_flush_lsn() AS lsn',
    )
    const [lsn, file] = row ?? []
    const time = await findCut({ log, from, point: parseLsn(lsn ?? ''), signal })
    checkHistory({ log, source: connection }, timelineOfFile(file))
    return time
  } finally {
    ingest.demand(-1)
  }
}

/** Throws if a table was dropped meanwhile: the record of that may lie in a part of the log that the job does not read. */
async function checkThere(targets: readonly FeedTarget[], query: BackendQuery): Promise<void> {
  const rows = await query(
    `SELECT t.relid FROM unnest('{${targets.map(({ relid }) => relid).join()}}'::oid[]) AS t (relid) WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = t.relid)`,
  )
  const gone = targets.find(({ relid }) => rows.some(([oid]) => Number(oid) === relid))
  if (gone !== undefined) throw new FeedError('FEED_DROPPED', `"${gone.tableName}" was dropped`)
}

/** A setting of the session, which the live tails of the console use: a longer key or value is shortened. */
export const mostValueBytesSetting = 'changefeed.most_value_bytes'

/** How the client wants the three columns: binary, or text as its bytea_output says. */
async function wantedRows({
  session,
  resultFormats,
}: LocalCall): Promise<Pick<Opening['context'], 'rowFormats' | 'mostValueBytes'>> {
  const rows = await session.queryBackend(
    `SELECT pg_catalog.current_setting('bytea_output'), pg_catalog.current_setting('${mostValueBytesSetting}', true)`,
  )
  const [output, most] = rows[0] ?? []
  const text: ValueFormat = output === 'escape' ? 'escape' : 'hex'
  return {
    rowFormats: [text, resultFormats[1] === 1 ? 'binary' : text, resultFormats[2] === 1 ? 'binary' : text],
    mostValueBytes: /^[1-9]\d{0,8}$/.test(most ?? '') ? Number(most) : undefined,
  }
}

async function timeOf(query: BackendQuery): Promise<Hlc> {
  const rows = await query(
    'SELECT (extract(epoch FROM pg_catalog.clock_timestamp()) OPERATOR(pg_catalog.*) 1000000)::bigint',
  )
  return { wall: BigInt(rows[0]?.[0] ?? '0') * 1000n, logical: 0 }
}

/** Throws if the cursor is older than the watch of a table: the log holds the changes of a table only since it is watched. */
function checkWatched(cursor: Hlc, since: ReadonlyMap<number, Hlc | undefined>): void {
  for (const at of since.values()) {
    if (at === undefined || compareHlc(cursor, at) >= 0) continue
    throw new FeedError(
      'FEED_CURSOR_TOO_OLD',
      `could not create changefeed: cursor ${formatHlc(cursor)} is older than the GC threshold ${formatHlc(at)}`,
      {
        hint: oldCursorHint({ cursor, since: at, why: 'the changes of a table are kept since its first changefeed' }),
        detail:
          'the changes of a table are kept since its first changefeed, or the first one after it was given back (changefeed.watch.keep_duration)',
      },
    )
  }
}

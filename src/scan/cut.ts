// Makes the cut of an initial scan (snapshot.ts) and opens its tables for reading.
//
// A DDL that rewrites a table does not respect snapshots: the table would look empty in an older snapshot. Therefore the
// descriptions and files of the tables are read before the snapshot and again when the tables are locked; if they differ,
// the cut is made again. Changes of a type do not respect snapshots either, and they lock no table, so the types are locked
// as well while their rows are read.

import { setTimeout as delay } from 'node:timers/promises'
import type { Lsn } from '../core/lsn.ts'
import { shownName } from '../core/quote.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import { serverText, type ServerText } from '../postgres/server-text.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { call } from '../source-schema/call.ts'
import { sourceMode, type SourceMode } from '../source-schema/source-mode.ts'
import type { CutTurn } from './cut-turn.ts'
import type { HeldSnapshot } from './held-cut.ts'
import type { BeginWindow } from './seen-snapshot.ts'
import { Connections, destroyAll, exportSnapshot, importSnapshot } from './snapshot.ts'
import { leavesOf, qualified, readFacts, type ScanTable, type ScanTarget, type TableFacts } from './table-facts.ts'
import { areTablesFree } from './tables-free.ts'
import { TypeCheck } from './type-check.ts'

const attempts = 10
const mostDelayMs = 1000
/** The table or its schema no longer exists under this name, or a transaction that changes one of its types has it locked. */
const goneStates: ReadonlySet<string> = new Set(['42P01', '3F000', '55P03'])

/** Tables that can be read as of one snapshot. */
export interface OpenTables extends AsyncDisposable {
  /** The tables that have rows, by their own oids. */
  readonly tables: ReadonlyMap<number, ScanTable>
  /** Connections in transactions that use the snapshot and have locked the tables. */
  readonly readers: readonly RawConnection[]
  /** A connection that has locked nothing. */
  readonly control: RawConnection
  /** The encoding of the rows, if PostgreSQL does not convert them to UTF-8. */
  readonly text: ServerText | undefined
  /** Aborts when the connections are to be closed for somebody else who waits for a turn. */
  readonly taken?: AbortSignal | undefined
  readonly types: TypeCheck
  /** Ends the transactions of the readers at once, whatever they do. */
  giveUp(): void
}

export interface Cut extends OpenTables {
  readonly point: Lsn
  /** On which `point` is. */
  readonly timeline: number
}

export interface CutOptions {
  readonly source: SourceConnection
  readonly targets: readonly ScanTarget[]
  readonly connections: number
  readonly signal: AbortSignal
  /** Whether to try as long as tables change. Otherwise it fails after a few attempts, and who runs a statement hears of it. */
  readonly isPatient?: boolean
  /** Called from time to time with what the cut waits for. */
  readonly waiting?: ((why: string) => void) | undefined
  /** Finds the position of a snapshot where PostgreSQL does not say it. */
  readonly beginWindow?: BeginWindow | undefined
  /** Called before connections are opened. What it gives is disposed of when they are closed, also between two attempts. */
  readonly takeTurn?: () => Promise<CutTurn | undefined>
}

export async function openCut(options: CutOptions): Promise<Cut> {
  // Who waits for a lock may wait for long. But a table that changes all the time is reported.
  let busy = 0
  for (let attempt = 1; ; attempt++) {
    const cut = await tryCut(options, attempt)
    if (cut === 'busy') busy += 1
    else if (cut !== undefined) return cut
    if (attempt - busy >= attempts && options.isPatient !== true) {
      throw new FeedError(
        'FEED_SOURCE_REFUSED',
        `the tables changed during each of ${attempts} attempts to start their scan`,
        {
          hint: 'start the changefeed when no ALTER TABLE runs on them',
        },
      )
    }
    if (attempt % attempts === 0) options.waiting?.('waiting until no ALTER TABLE changes its tables')
    await beforeNext(attempt, options.signal)
  }
}

async function beforeNext(attempt: number, signal: AbortSignal): Promise<void> {
  await delay(Math.min(50 * attempt, mostDelayMs), undefined, { signal }).catch((error: unknown) => {
    signal.throwIfAborted()
    throw error
  })
}

/** Returns undefined if a DDL changed a table meanwhile, and 'busy' if another session has it locked. */
async function tryCut(options: CutOptions, attempt: number): Promise<Cut | 'busy' | undefined> {
  const { source, targets, connections, waiting, beginWindow } = options
  let isBusy = false
  const cut = await opening(options, async (open) => {
    const control = await open.connect()
    const text = await serverText(control)
    const before = await whenFree(control, { source, targets, attempt })
    isBusy = before === undefined
    if (before === undefined) return undefined
    const { keeper, point, timeline, name } = await exportSnapshot(open, { control, waiting, beginWindow })
    const readers = await openReaders(open, name, connections)
    if (readers === undefined) throw new FeedError('FEED_SOURCE_DOWN', 'the snapshot of the scan went away')
    const after = await lockAndRead({ readers, control, source, targets, before })
    if (after === undefined) return undefined
    if (targets.some(({ relid }) => before.get(relid)?.fingerprint !== after.get(relid)?.fingerprint)) return undefined
    await keeper.close()
    return { ...openTables({ facts: after, readers, control, source, text }), point, timeline }
  })
  return isBusy ? 'busy' : cut
}

/**
 * Reads the facts of the tables. Returns undefined if another session has a lock that keeps readers out, or waits for it: it passes
 * first, except if there has been some DDL for so many attempts.
 */
async function whenFree(
  control: RawConnection,
  { source, targets, attempt }: Pick<CutOptions, 'source' | 'targets'> & { readonly attempt: number },
): Promise<Map<number, TableFacts> | undefined> {
  const leaves = [...(await leavesOf(control, targets)).values()].flat()
  const relids = [...targets.map(({ relid }) => relid), ...leaves]
  const deadline = Date.now() + passMs
  while (attempt <= politeAttempts && !(await areTablesFree(control, relids))) {
    if (Date.now() > deadline) return undefined
    await delay(againMs)
  }
  return unlessLocked([control], () => readFacts(control, source, targets))
}

/** They take about ten seconds. */
const politeAttempts = 16
/** Short DDL is waited for with the connection that is open, and longer DDL without one. */
const passMs = 200
const againMs = 50

/**
 * Opens the tables of a cut that another connection holds. Returns undefined if it is not held any more, or if a DDL has made it
 * useless. If a table is locked by another session, this tries again, because a new cut could have other rows.
 */
export async function joinCut(held: HeldSnapshot, options: CutOptions): Promise<OpenTables | undefined> {
  const { signal, waiting } = options
  for (let attempt = 1; ; attempt++) {
    const joined = await tryJoin(held, options, attempt)
    if (joined !== 'busy') return joined
    if (attempt % joinsPerNotice === 1) waiting?.('waiting for a lock on its tables, which others hold or ask for')
    await beforeNext(attempt, signal)
  }
}

const joinsPerNotice = 10

async function tryJoin(
  held: HeldSnapshot,
  options: CutOptions,
  attempt: number,
): Promise<OpenTables | 'busy' | undefined> {
  const { source, targets, connections } = options
  const isAsHeld = (facts: ReadonlyMap<number, TableFacts>): boolean =>
    targets.every(({ relid }) => held.fingerprints.get(relid) === facts.get(relid)?.fingerprint)
  let isBusy = false
  const joined = await opening(options, async (open) => {
    const readers = await openReaders(open, held.name, connections)
    if (readers === undefined) return undefined
    const control = await open.connect()
    const text = await serverText(control)
    const before = await whenFree(control, { source, targets, attempt })
    if (before !== undefined && !isAsHeld(before)) return undefined
    const facts = before === undefined ? undefined : await lockAndRead({ readers, control, source, targets, before })
    isBusy = facts === undefined
    if (facts === undefined || !isAsHeld(facts)) return undefined
    return openTables({ facts, readers, control, source, text })
  })
  return isBusy ? 'busy' : joined
}

/** Closes the connections of `work` if it throws, if it returns undefined, or if the signal aborts now or later. */
async function opening<T extends OpenTables>(
  { source, signal, takeTurn }: CutOptions,
  work: (open: Connections) => Promise<T | undefined>,
): Promise<T | undefined> {
  const turn = await takeTurn?.()
  const open = new Connections(source, signal)
  let opened: T | undefined
  try {
    opened = await work(open)
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    if (opened === undefined) {
      open[Symbol.dispose]()
      open.destroy()
      turn?.[Symbol.dispose]()
    }
  }
  if (opened === undefined) return undefined
  const { readers, control, types } = opened
  return {
    ...opened,
    taken: turn?.taken,
    async [Symbol.asyncDispose](): Promise<void> {
      open[Symbol.dispose]()
      await Promise.all([
        types[Symbol.asyncDispose](),
        ...[control, ...readers].map((connection) => connection.close()),
      ])
      turn?.[Symbol.dispose]()
    },
  }
}

async function openReaders(open: Connections, name: string, count: number): Promise<RawConnection[] | undefined> {
  const readers: RawConnection[] = []
  for (let i = 0; i < count; i++) {
    const reader = await open.connect()
    readers.push(reader)
    if (!(await importSnapshot(reader, name))) return undefined
  }
  return readers
}

interface Locking {
  readonly readers: readonly RawConnection[]
  readonly control: RawConnection
  readonly source: SourceConnection
  readonly targets: readonly ScanTarget[]
  readonly before: ReadonlyMap<number, TableFacts>
}

/**
 * Locks the tables and reads their facts again. Returns undefined if another session changes one of them. A DDL that waits for
 * one of our sessions also blocks our next session, and PostgreSQL does not see this as a deadlock. Therefore, once one of our
 * sessions has a lock, none of the others waits for long, and giving up releases all locks.
 */
async function lockAndRead({
  readers,
  control,
  source,
  targets,
  before,
}: Locking): Promise<Map<number, TableFacts> | undefined> {
  return unlessLocked([control, ...readers], async () =>
    (await lockTables({ readers, facts: before, user: source.user, mode: await sourceMode(control, source) }))
      ? readFacts(control, source, targets)
      : undefined,
  )
}

/** Returns undefined if PostgreSQL did not give a lock in time. */
async function unlessLocked<T>(
  sessions: readonly RawConnection[],
  work: () => Promise<T | undefined>,
): Promise<T | undefined> {
  for (const session of sessions) await session.query(`SET lock_timeout = '${lockWaitMs}ms'`)
  try {
    return await work()
  } catch (error) {
    if (error instanceof FeedError && error.sqlstate === lockNotAvailable) return undefined
    throw error
  }
}

const lockWaitMs = 500
const lockNotAvailable = '55P03'

interface TableLocks {
  readonly readers: readonly RawConnection[]
  readonly facts: ReadonlyMap<number, TableFacts>
  readonly user: string
  readonly mode: SourceMode
}

/** Returns false if a table no longer exists under its name, or if one of its types is being changed. */
async function lockTables({ readers, facts, user, mode }: TableLocks): Promise<boolean> {
  try {
    for (const reader of readers) {
      for (const { tables } of facts.values()) {
        for (let at = 0; at < tables.length; at += tablesPerLock) {
          const names = tables.slice(at, at + tablesPerLock).map(({ description }) => `ONLY ${qualified(description)}`)
          await reader.query(`LOCK TABLE ${names.join(', ')} IN ACCESS SHARE MODE`)
        }
      }
    }
    // Where nothing is installed, type-check.ts sees changes of types.
    if (mode === 'installed') await readers[0]?.query(holdTypesSql([...facts.keys()]))
    return true
  } catch (error) {
    if (error instanceof FeedError && goneStates.has(error.sqlstate)) return false
    if (error instanceof FeedError && error.sqlstate === outOfLocks) throw tooManyLocks(facts, error)
    if (error instanceof FeedError && error.sqlstate === notAllowed) throw mayNotRead({ facts, user }, error)
    throw error
  }
}

const notAllowed = '42501'

/** PostgreSQL names the table without its schema, and does not say who must do what. */
function mayNotRead({ facts, user }: Pick<TableLocks, 'facts' | 'user'>, cause: FeedError): FeedError {
  const all = [...facts.values()].flatMap(({ tables }) => tables.map(({ description }) => description))
  const named = all.filter(({ name }) => cause.message === `permission denied for table ${name}`)
  const { code, message, sqlstate, detail } = cause
  const tables = (named.length > 0 ? named : all.slice(0, 1))
    .map(({ schema, name }) => `${shownName(schema)}.${shownName(name)}`)
    .join(', ')
  const hint = `GRANT SELECT ON ${tables} TO ${shownName(user)}; the changefeed then goes on`
  return new FeedError(code, message, { sqlstate, detail, hint, cause })
}

/** The lock table of PostgreSQL is full. */
const outOfLocks = '53200'
const tablesPerLock = 100

function tooManyLocks(facts: ReadonlyMap<number, TableFacts>, cause: FeedError): FeedError {
  const count = [...facts.values()].reduce((sum, { tables }) => sum + tables.length, 0)
  return new FeedError(
    'FEED_SOURCE_REFUSED',
    `PostgreSQL has no room for the locks of the ${count} tables that the scan reads at one time`,
    {
      hint: `ALTER SYSTEM SET max_locks_per_transaction = ${Math.max(256, Math.ceil(count / 100) * 10)}, and restart PostgreSQL; or start several changefeeds with fewer tables each`,
      cause,
    },
  )
}

/** All sessions lock the types in the same order, so that they cannot block each other. */
function holdTypesSql(relids: readonly number[]): string {
  const types = `SELECT DISTINCT unnest(${call('types_of', { relation: { sql: 'relid' } })}) AS type FROM unnest('{${relids.join(', ')}}'::oid[]) AS relid`
  const hold = call('hold_types', { types: { sql: 'array_agg(type ORDER BY type)' }, alone: false })
  return `SELECT ${hold} FROM (${types}) AS used HAVING count(*) > 0`
}

interface Opened extends Pick<OpenTables, 'readers' | 'control' | 'text'> {
  readonly source: SourceConnection
  readonly facts: ReadonlyMap<number, TableFacts>
}

function openTables({ facts, readers, control, source, text }: Opened): OpenTables {
  const tables = new Map<number, ScanTable>()
  for (const { tables: some } of facts.values()) {
    for (const { description, root, pages, file } of some)
      tables.set(description.relid, { description, root, pages, file })
  }
  const giveUp = (): void => destroyAll(readers)
  const types = new TypeCheck(source, facts)
  return { tables, readers, control, text, types, giveUp, [Symbol.asyncDispose]: () => Promise.resolve() }
}

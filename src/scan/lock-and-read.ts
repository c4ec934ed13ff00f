// Locks what a scan reads: keeps its types as they are, and its tables.
//
// The application locks tables and types in any order, so no order of ours rules a circle out. What does is time: a session of ours
// that has a lock waits for the next one for less than the time after which PostgreSQL looks for a deadlock, and then releases all.
// So it is never a command of the application that fails. A DDL that waits for one of our sessions also blocks our other sessions,
// and PostgreSQL does not see that as a deadlock: once one session has the tables, the others get them at once or not at all.

import { shownName } from '../core/quote.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { exclusiveLock, isLocked } from '../postgres/table-locks.ts'
import { call } from '../source-schema/call.ts'
import { sourceMode, type SourceMode } from '../source-schema/source-mode.ts'
import { compositesOf, qualified, readFacts, type Composite, type ScanTarget, type TableFacts } from './table-facts.ts'

/** How long a session waits for a lock while it holds none. */
const lockWaitMs = 500
/** The most that a session waits that holds one. Who waits to change a type waits for longer (source-schema/sql/locks.sql). */
const mostHoldingMs = 150
/** No more than a moment. */
const soonMs = 20
const waitBrieflySql = `SELECT set_config('lock_timeout', greatest(1, least(${mostHoldingMs}, extract(epoch FROM current_setting('deadlock_timeout')::interval) * 500))::int::text, false)`

/** Somebody else has a lock. */
export class Locked {
  /** Who and what, to be put behind "waiting for". */
  readonly why: string
  /** The tables were not free in the first place, and nothing was begun. */
  readonly isEarly: boolean

  constructor(why: string, isEarly = false) {
    this.why = why
    this.isEarly = isEarly
  }
}

interface Locking {
  readonly readers: readonly RawConnection[]
  readonly control: RawConnection
  readonly source: SourceConnection
  readonly targets: readonly ScanTarget[]
  readonly before: ReadonlyMap<number, TableFacts>
}

/** Locks the tables and reads their facts again. Returns undefined if a table no longer exists under its name. */
export async function lockAndRead(locking: Locking): Promise<Map<number, TableFacts> | Locked | undefined> {
  const { readers, control, source, targets, before } = locking
  const mode = await sourceMode(control, source)
  return unlessLocked(readers, { control, facts: before }, async () => {
    if (!(await lockTables({ readers, facts: before, user: source.user, mode }))) return undefined
    // It asks for the sizes of tables, and PostgreSQL locks a table for that.
    await control.query(`SET lock_timeout = '${soonMs}ms'`)
    return readFacts(control, source, targets)
  })
}

interface Asked {
  readonly control: RawConnection
  readonly facts?: ReadonlyMap<number, TableFacts>
}

/** Returns who has the lock if PostgreSQL did not give it in time. */
export async function unlessLocked<T>(
  sessions: readonly RawConnection[],
  { control, facts }: Asked,
  work: () => Promise<T>,
): Promise<T | Locked> {
  for (const session of sessions) await session.query(`SET lock_timeout = '${lockWaitMs}ms'`)
  try {
    return await work()
  } catch (error) {
    if (!isLocked(error)) throw error
    const who = await whoHolds(control, facts)
    // Our own function says which type it is.
    return who ?? new Locked(error.detail === undefined ? 'a lock on its tables or types' : `a lock: ${error.message}`)
  }
}

/** Who keeps readers out of the tables, or changes one of their composite types. */
export async function whoHolds(
  control: RawConnection,
  facts: ReadonlyMap<number, TableFacts> = new Map(),
  relids: readonly number[] = [],
): Promise<Locked | undefined> {
  const tables = [...facts.values()].flatMap((one) => one.tables.map(({ description }) => description.relid))
  const relations = [...relids, ...tables, ...compositesOf(facts).map(({ relation }) => relation)]
  const lock = await exclusiveLock(control, relations)
  if (lock === undefined) return undefined
  const { who, what, isGranted } = lock
  return new Locked(`${who}, which ${isGranted ? 'has locked' : 'waits for a lock on'} ${what}`)
}

/** Who keeps the readers of an open cut from what they need besides its tables: the indexes of these, and composite types. */
export async function whoHoldsCut({ control, tables, composites }: HeldByCut): Promise<Locked | undefined> {
  const rows = await control.query(
    `SELECT indexrelid::text FROM pg_index WHERE indrelid IN (${[...tables.keys(), 0].join(', ')})`,
  )
  const relations = composites.map(({ relation }) => relation)
  return whoHolds(control, undefined, [...rows.map(([index]) => Number(index)), ...relations])
}

interface HeldByCut {
  readonly control: RawConnection
  readonly tables: ReadonlyMap<number, unknown>
  readonly composites: readonly Composite[]
}

interface TableLocks {
  readonly readers: readonly RawConnection[]
  readonly facts: ReadonlyMap<number, TableFacts>
  readonly user: string
  readonly mode: SourceMode
}

/** The table or its schema no longer exists under this name. */
const goneStates: ReadonlySet<string> = new Set(['42P01', '3F000'])

/** Returns false if a table no longer exists under its name. */
async function lockTables({ readers, facts, user, mode }: TableLocks): Promise<boolean> {
  try {
    // Where nothing is installed, type-check.ts sees changes of types.
    if (mode === 'installed') await readers[0]?.query(holdTypesSql([...facts.keys()]))
    const [first, ...others] = readers
    for (const reader of readers) await reader.query(waitBrieflySql)
    for (const sql of lockSqls(facts)) await first?.query(sql)
    await Promise.all(
      others.map(async (reader) => {
        for (const sql of lockSqls(facts)) await reader.query(`${sql} NOWAIT`)
      }),
    )
    return true
  } catch (error) {
    if (error instanceof FeedError && goneStates.has(error.sqlstate)) return false
    if (error instanceof FeedError && error.sqlstate === outOfLocks) throw tooManyLocks(facts, error)
    if (error instanceof FeedError && error.sqlstate === notAllowed) throw mayNotRead({ facts, user }, error)
    throw error
  }
}

function lockSqls(facts: ReadonlyMap<number, TableFacts>): readonly string[] {
  const sqls: string[] = []
  for (const { tables } of facts.values()) {
    for (let at = 0; at < tables.length; at += tablesPerLock) {
      const names = tables.slice(at, at + tablesPerLock).map(({ description }) => `ONLY ${qualified(description)}`)
      sqls.push(`LOCK TABLE ${names.join(', ')} IN ACCESS SHARE MODE`)
    }
  }
  return sqls
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

// Checks whether the targets of a statement can be watched. The messages are CockroachDB's, if it has one.

import { shownName } from '../core/quote.ts'
import { FeedError, type FeedErrorDetails } from '../errors/feed-error.ts'
import type { Code } from '../errors/codes.ts'
import type { Target } from '../sql/ast.ts'
import type { Catalogue, NoTable, ResolvedTarget, TargetFacts } from './catalogue.ts'
import type { RoleRights } from './role-rights.ts'

const unresolved = 'failed to resolve targets in the CHANGEFEED stmt: '
const systemSchemas: ReadonlySet<string> = new Set([
  'pg_catalog',
  'pg_toast',
  'changefeed',
  'changefeed_state',
  'crdb_internal',
])

export interface Reader {
  readonly user: string
  /** The rights to create changefeeds with a sink; undefined: the feed has no sink, and only needs SELECT. */
  readonly creator: Creator | undefined
  /** A table without a primary key gets one (key-change.ts). */
  readonly makesKeys: boolean
}

/** Who runs a statement. */
export interface StatementReader extends Reader {
  /** The database that has only tables of ours, which cannot be watched; undefined: there is none. */
  readonly systemDatabase: string | undefined
}

/** The tables of which a user may create changefeeds with a sink. */
export interface Creator {
  readonly isAdmin: boolean
  /** The user may do so for all tables from which the user may SELECT. */
  readonly mayCreate: boolean
  /** Whether the user has the privilege CHANGEFEED on a table. */
  hasTable(database: string, relid: number): boolean
}

/** Returns the tables of the targets, in the order of the statement; all are in one database. */
export function checkTargets(
  targets: readonly Target[],
  catalogue: Catalogue,
  reader: StatementReader,
): readonly TargetFacts[] {
  if (catalogue.openWrites) {
    throw new FeedError('FEED_STATE', 'a changefeed cannot start inside a transaction that has written', {
      hint: 'COMMIT or ROLLBACK first: its start waits for every open transaction that has written, also for this one',
      sqlstate: '25001',
    })
  }
  const tables = targets.map((target, index) =>
    checkExists(target, catalogue.targets[index] ?? { tag: 'no-table' }, reader),
  )
  checkDuplicates(targets, tables)
  checkOneDatabase(targets, tables)
  for (const [index, table] of tables.entries()) checkTable(targets[index] as Target, table, reader)
  checkPartitions(targets, tables)
  return tables
}

function checkExists(target: Target, resolved: ResolvedTarget, reader: StatementReader): TargetFacts {
  const name = target.parts.join('.')
  const schema = target.parts.length > 1 ? target.parts[target.parts.length - 2] : undefined
  if (schema === 'information_schema') throw refuse(target, 'FEED_NO_TABLE', `"${name}" does not exist`)
  if (isSystem(target, resolved, reader)) {
    throw refuse(target, 'FEED_TARGET', `CHANGEFEED is not supported on system tables: ${name}`)
  }
  if (resolved.tag === 'no-database') {
    throw refuse(target, 'FEED_NO_DATABASE', `${unresolved}database "${resolved.database}" does not exist`)
  }
  if (resolved.tag === 'no-table') {
    const { like } = resolved
    const hint = like === undefined ? noTableHint(resolved) : `there is a table ${like}: FOR TABLE ${like}`
    throw refuse(target, 'FEED_NO_TABLE', `${unresolved}table "${name}" does not exist`, { hint })
  }
  return resolved
}

/** The hint of any statement that names a table which does not exist. */
export function noTableHint({ like, near, database, isHere = false }: NoTable): string | undefined {
  const meant = like ?? near
  if (meant !== undefined) return `did you mean ${meant}?`
  if (database === undefined) return undefined
  return isHere
    ? `the database "${database}" of this connection has no such table; one of another database is named as database.schema.table`
    : `the database "${database}" has no such table`
}

function isSystem(target: Target, resolved: ResolvedTarget, { systemDatabase }: StatementReader): boolean {
  if (resolved.tag === 'table') return resolved.database === systemDatabase || systemSchemas.has(resolved.schema)
  return target.parts.length > 1 && target.parts[0] === systemDatabase
}

function checkDuplicates(targets: readonly Target[], tables: readonly TargetFacts[]): void {
  const seen = new Map<string, Target>()
  for (const [index, target] of targets.entries()) {
    const table = tables[index] as TargetFacts
    const key = JSON.stringify([table.database, table.relid, target.family ?? null])
    const earlier = seen.get(key)
    if (earlier !== undefined) {
      const message = `CHANGEFEED targets ${describe(earlier)} and ${describe(target)} are duplicates`
      throw refuse(target, 'FEED_TARGET', message, { sqlstate: '42712' })
    }
    seen.set(key, target)
  }
}

function describe(target: Target): string {
  const family = target.family === undefined ? '' : ` FAMILY ${target.family}`
  return `TABLE ${target.parts.join('.')}${family}`
}

function checkOneDatabase(targets: readonly Target[], tables: readonly TargetFacts[]): void {
  const first = tables[0]
  const other = tables.findIndex((table) => table.database !== first?.database)
  if (first === undefined || other < 0) return
  const message = `a changefeed watches tables of one database, not of "${first.database}" and "${tables[other]?.database}"`
  throw refuse(targets[other] as Target, 'FEED_TARGET', message, { hint: 'start one changefeed for each database' })
}

/** A changefeed has each row once: as a row of the partitioned table, or of the partition. */
function checkPartitions(targets: readonly Target[], tables: readonly TargetFacts[]): void {
  for (const root of tables) {
    const parts = new Set(root.partitions?.map(({ relid }) => relid))
    const index = tables.findIndex(({ relid }) => parts.has(relid))
    const table = tables[index]
    if (table === undefined) continue
    const message = `table "${table.name}" is a partition of "${root.name}", which is a target as well`
    throw refuse(targets[index] as Target, 'FEED_TARGET', message, {
      hint: `"${root.name}" has its rows already; start a changefeed of its own for ${qualified(table)}`,
    })
  }
}

const untargetable: Readonly<Record<string, string>> = {
  v: 'views',
  m: 'materialized views',
  S: 'sequences',
  f: 'foreign tables',
  i: 'indexes',
  I: 'indexes',
  c: 'composite types',
  t: 'TOAST tables',
}

const hints: Readonly<Record<string, string>> = {
  v: 'the log holds changes of tables only; name the tables that the view reads',
  m: 'the log holds changes of tables only; name the tables that it is made from',
  S: 'the log holds no changes of sequences; name the tables whose columns take their values from it',
  f: 'its rows are in another database; start the changefeed there',
}

function checkTable(target: Target, table: TargetFacts, reader: Reader): void {
  const { name } = table
  const full = qualified(table)
  const kind = untargetable[table.kind]
  if (kind !== undefined) {
    const hint = hints[table.kind]
    throw refuse(target, 'FEED_TARGET', `CHANGEFEED cannot target ${kind}: ${name}`, hint === undefined ? {} : { hint })
  }
  checkLeaves(target, table)
  if (table.persistence === 'u') {
    throw refuse(target, 'FEED_TARGET', `CHANGEFEED cannot target unlogged tables: ${name}`, {
      hint: `the log holds no changes of it; ALTER TABLE ${full} SET LOGGED`,
    })
  }
  if (table.persistence === 't') {
    throw refuse(target, 'FEED_TARGET', `CHANGEFEED cannot target temporary tables: ${name}`, {
      hint: 'the log holds no changes of it, and only its session sees it; make it an ordinary table',
    })
  }
  if (target.family !== undefined) {
    throw refuse(target, 'FEED_TARGET', `table "${name}" has no column family "${target.family}"`, {
      hint: 'PostgreSQL keeps no column families; leave FAMILY out and every column is watched',
    })
  }
  const lack = lackOf(table, reader)
  if (lack !== undefined) throw refuse(target, 'FEED_PRIVILEGE', lack.message, { hint: lack.hint, detail: lack.detail })
  if (table.primaryKey.length === 0) checkMayGetKey(target, table, reader)
  checkKeyIsPublished(target, table)
}

/** PostgreSQL does not log the changes of such partitions: rows would be missing from the changefeed. */
function checkLeaves(target: Target, table: TargetFacts): void {
  const unlogged = table.partitions?.find(({ kind, persistence }) => kind === 'f' || persistence !== 'p')
  if (unlogged === undefined) return
  const { kind, persistence } = unlogged
  const what = kind === 'f' ? 'a foreign table' : persistence === 'u' ? 'unlogged' : 'temporary'
  const message = `partition ${qualified(unlogged)} of table "${table.name}" is ${what}`
  throw refuse(target, 'FEED_TARGET', message, {
    hint:
      kind !== 'f' && persistence === 'u'
        ? `the log holds no changes of it; ALTER TABLE ${qualified(unlogged)} SET LOGGED`
        : `the log holds no changes of it; ALTER TABLE ${qualified(table)} DETACH PARTITION ${qualified(unlogged)}, or name the other partitions as targets`,
  })
}

function checkKeyIsPublished(target: Target, table: TargetFacts): void {
  const { primaryKey, columns, publishesGenerated } = table
  const generated = columns.find(({ name, generated: how }) => how !== '' && primaryKey.includes(name))
  if (generated === undefined || (generated.generated === 's' && publishesGenerated)) return
  const message = `column "${generated.name}" of the key of table "${table.name}" is generated, and PostgreSQL before version 18 publishes no generated columns`
  throw refuse(target, 'FEED_TARGET', message, { hint: 'the key must consist of columns that are not generated' })
}

/** Throws if the table cannot get a primary key. */
function checkMayGetKey(target: Target, table: TargetFacts, { user, makesKeys }: Reader): void {
  const { keyless } = table
  const message = `table "${table.name}" has no primary key`
  const full = qualified(table)
  const byIndex =
    table.usableIndex === null
      ? ''
      : `ALTER TABLE ${full} REPLICA IDENTITY USING INDEX ${shownName(table.usableIndex)} makes that index the key; or `
  const hint =
    table.kind === 'p'
      ? `ALTER TABLE ${full} ADD PRIMARY KEY (…), which has to contain the columns of its PARTITION BY`
      : `${byIndex}ALTER TABLE ${full} ADD PRIMARY KEY (…), or ADD COLUMN rowid INT8 GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY${table.usableIndex === null ? '; a unique index of columns that are NOT NULL gives a key, too, as REPLICA IDENTITY USING INDEX' : ''}`
  if (!makesKeys || keyless === null) throw refuse(target, 'FEED_TARGET', message, { hint })
  if (keyless.isTyped) {
    throw refuse(target, 'FEED_TARGET', `${message}, and a table of a type cannot get a column for one`, {
      hint: `ALTER TABLE ${qualified(table)} ADD PRIMARY KEY (…)`,
    })
  }
  if (keyless.isOwner) return
  const whose = keyless.root === null ? 'its owner' : `the owner of ${keyless.root}`
  throw refuse(target, 'FEED_PRIVILEGE', `${message}, and user ${user} may not give it one`, {
    hint: `start the changefeed once as ${whose} (the table is owned by ${shownName(keyless.owner)}), or as its owner: ALTER TABLE ${qualified(table)} ADD PRIMARY KEY (…)`,
  })
}

export type TableRights = Pick<TargetFacts, 'database' | 'relid' | 'schema' | 'name'> & RoleRights

export interface Lack {
  readonly message: string
  readonly hint: string
  readonly detail?: string | undefined
}

/** Returns the right that the user lacks for a changefeed of a table; undefined: none. */
export function lackOf(table: TableRights, { user, creator }: Reader): Lack | undefined {
  const onAll = 'privilege on all target tables to be able to run'
  const noSelect = {
    hint: `GRANT SELECT ON ${qualified(table)} TO ${shownName(user)}`,
    detail:
      table.readableColumns === null
        ? undefined
        : `It may read only some of the columns of ${table.name}: ${table.readableColumns.join(', ')}.`,
  }
  const noSchema = {
    message: `user ${user} requires the USAGE privilege on schema "${table.schema}" to be able to run a changefeed on its tables`,
    hint: `GRANT USAGE ON SCHEMA ${shownName(table.schema)} TO ${shownName(user)}`,
  }
  if (creator === undefined) {
    if (!table.mayRead) {
      return { message: `user ${user} requires the SELECT ${onAll} a core changefeed`, ...noSelect }
    }
    if (!table.mayUseSchema) return noSchema
  } else if (!creator.isAdmin && !creator.hasTable(table.database, table.relid)) {
    if (!creator.mayCreate) {
      return {
        message: `user ${user} requires the CHANGEFEED ${onAll} an enterprise changefeed`,
        hint: `an administrator may GRANT CHANGEFEED ON TABLE ${qualified(table)} TO ${shownName(user)}, or GRANT changefeed TO ${shownName(user)} for all tables that it may SELECT from`,
      }
    }
    if (!table.mayRead) {
      return {
        message: `user ${user} with CONTROLCHANGEFEED role option requires the SELECT ${onAll} an enterprise changefeed`,
        ...noSelect,
      }
    }
    if (!table.mayUseSchema) return noSchema
  }
  if (!table.rowSecurity) return undefined
  return {
    message: `row-level security of table "${table.name}" applies to user ${user}: a changefeed would show hidden rows`,
    hint: 'run it as a role with BYPASSRLS, or as the owner',
  }
}

function refuse(target: Target, code: Code, message: string, details: FeedErrorDetails = {}): FeedError {
  return new FeedError(code, message, { ...details, position: target.position + 1 })
}

/** Returns `schema.table` for statements in hints, with quotes if they are needed. */
export function qualified(table: Pick<TargetFacts, 'schema' | 'name'>): string {
  return `${shownName(table.schema)}.${shownName(table.name)}`
}

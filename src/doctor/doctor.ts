// The doctor: looks at a PostgreSQL before a changefeed reads it, and says what is in order, what will cost something, and what makes
// a changefeed impossible, each with the statement to run. It changes nothing, and waits for nothing longer than a few seconds.
//
//   connect-to.ts          a connection, or why there is none
//   facts/                 what is asked of PostgreSQL, in a few queries that every role may run
//   checks.ts, checks/     the list of checks, each a pure function from facts to a judgement
//   report.ts              the findings for a human and for a program
//
// What our role may not see is said as such, and never guessed.

import type { CertificateEnd } from '../core/certificate-end.ts'
import { readProvider } from '../postgres/provider.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import { readSlotRoom } from '../postgres/slot-room.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import type { SourceMode } from '../source-schema/source-mode.ts'
import { publication } from '../source-schema/names.ts'
import { serverChecks, tableChecks } from './checks.ts'
import { tableKind } from './checks/table-kind.ts'
import { connectTo } from './connect-to.ts'
import type { Facts } from './facts/facts.ts'
import { readServer, type ServerFacts } from './facts/read-server.ts'
import { readState, type StateFacts } from './facts/read-state.ts'
import { findRelids, readTables, type TableFacts, type TableName } from './facts/read-tables.ts'
import { sampleScans } from './facts/sample-scan.ts'
import { tryRights, type Tries } from './facts/try-rights.ts'
import { measureWal } from './facts/wal-rate.ts'
import { failure, type Finding } from './finding.ts'
import { tableName } from './heaps.ts'

export interface Examined {
  readonly source: SourceConnection
  /** Tables by name or by oid. */
  readonly tables: readonly (TableName | number)[]
  /** Where our jobs and settings would be kept; undefined: that is not to be checked. */
  readonly state: SourceConnection | undefined
  readonly diff?: boolean
  readonly makesKeys?: boolean
  /** The server that asks reads the slot itself. */
  readonly isServed?: boolean
  /** Of a server of ours. */
  readonly certificates?: readonly CertificateEnd[]
  /** How long the rate of WAL is measured at least. */
  readonly measureMs?: number
  /** A transaction that has been open for longer is reported. */
  readonly longSeconds?: number
}

export interface Report {
  readonly findings: readonly Finding[]
  /** Undefined: there was no connection. */
  readonly facts: Facts | undefined
}

const defaultMeasureMs = 1500
const defaultLongSeconds = 60
const lockTimeout = '55P03'
const whoLocks = `end the transaction that has locked a partition: SELECT pid, relation::regclass FROM pg_locks WHERE mode = 'AccessExclusiveLock'`
const limits = `SET statement_timeout = '30s'; SET lock_timeout = '2s'`

export async function examine(examined: Examined): Promise<Report> {
  const connected = await connectTo(examined.source)
  if (connected.tag === 'failed') return { findings: [connected.finding], facts: undefined }
  await using connection = connected.connection
  try {
    return await examineOver(connection, examined)
  } catch (error) {
    if (!(error instanceof FeedError)) throw error
    const remedy = error.sqlstate === lockTimeout ? whoLocks : error.hint
    return { findings: [{ id: 'connection', subject: 'server', ...failure(error.message, remedy) }], facts: undefined }
  }
}

async function examineOver(connection: RawConnection, examined: Examined): Promise<Report> {
  await connection.query(limits)
  const measured = await measureWal(connection, examined.measureMs ?? defaultMeasureMs)
  const server = await readServer(connection)
  const room = await readSlotRoom(connection)
  const tries = await tryRights(examined.source, connection)
  const { tables, missing } = await tablesOf(connection, examined.tables, server.version)
  const state = await stateOf(examined, connection)
  const facts: Facts = {
    server,
    room,
    tries,
    isUnasked: connection.isUnasked,
    provider: await readProvider(connection),
    mode: modeOf(server, tries, examined.source),
    tables,
    diff: examined.diff === true,
    makesKeys: examined.makesKeys === true,
    isServed: examined.isServed === true,
    certificates: examined.certificates ?? [],
    nowMs: Date.now(),
    longSeconds: examined.longSeconds ?? defaultLongSeconds,
    state: state.facts,
    rate: await measured(),
  }
  return { findings: [...judge(facts), ...state.findings, ...missing], facts }
}

/** Pure. */
export function judge(facts: Facts): readonly Finding[] {
  const ofServer = serverChecks.flatMap(({ id, judge: ask }) => {
    const judgement = ask(facts)
    return judgement === undefined ? [] : [{ id, subject: 'server', ...judgement }]
  })
  return [...ofServer, ...facts.tables.flatMap((table) => judgeTable(table, facts))]
}

/** What cannot be followed at all is not looked at any further. */
function judgeTable(table: TableFacts, facts: Facts): readonly Finding[] {
  const findings: Finding[] = []
  for (const { id, judge: ask } of tableChecks) {
    const judgement = ask(table, facts)
    if (judgement === undefined) continue
    findings.push({ id, subject: tableName(table), ...judgement })
    if (id === tableKind.id && judgement.verdict === 'failure') break
  }
  return findings
}

/** The rule of source-mode.ts, without installing anything. */
function modeOf(server: ServerFacts, { eventTriggers }: Tries, { mayInstall }: SourceConnection): SourceMode {
  if (mayInstall === false) return 'prepared'
  if (server.schemaIsOurs) return 'installed'
  if (server.publications.some(({ name, isPrepared }) => name === publication && isPrepared)) return 'prepared'
  return eventTriggers && server.mayCreate ? 'installed' : 'prepared'
}

async function tablesOf(
  connection: RawConnection,
  wanted: Examined['tables'],
  version: number,
): Promise<{ readonly tables: readonly TableFacts[]; readonly missing: readonly Finding[] }> {
  const names = wanted.filter((table) => typeof table !== 'number')
  const found = await findRelids(connection, names)
  const missing = names
    .filter((_, i) => found[i] === undefined)
    .map((name) => ({
      id: 'table',
      subject: tableName(name),
      ...failure('it does not exist', 'check its name and its schema'),
    }))
  const relids = [
    ...wanted.filter((table) => typeof table === 'number'),
    ...found.filter((relid) => relid !== undefined),
  ]
  const tables = await sampleScans(connection, await readTables(connection, [...new Set(relids)], version))
  return { tables, missing }
}

async function stateOf(
  { source, state }: Examined,
  connection: RawConnection,
): Promise<{ readonly facts: StateFacts | undefined; readonly findings: readonly Finding[] }> {
  if (state === undefined) return { facts: undefined, findings: [] }
  if (state === source) return { facts: await readState(connection), findings: [] }
  const connected = await connectTo(state)
  if (connected.tag === 'failed') {
    const { finding } = connected
    return { facts: undefined, findings: [{ ...finding, id: 'state', what: `--system-url: ${finding.what}` }] }
  }
  await using other = connected.connection
  return { facts: await readState(other), findings: [] }
}

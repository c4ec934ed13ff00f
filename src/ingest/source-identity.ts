// Finds out which database the source is: a log belongs to one database of one cluster for ever. And whether its history is
// still the one of the log: a cluster that was restored from a backup, or promoted, has the same name and another history.

import type { ChangelogKeeper } from '../changelog/changelog.ts'
import { parseLsn, type Lsn } from '../core/lsn.ts'
import { FeedError } from '../errors/feed-error.ts'
import { timelineOfFile } from '../postgres/known-timelines.ts'
import type { Queries } from '../postgres/queries.ts'
import type { SourceIdentity, WalFacts } from './source-check.ts'

/** Returns undefined if the log is new. */
export function readIdentity(log: Pick<ChangelogKeeper, 'readLabel' | 'where'>): SourceIdentity | undefined {
  const label = log.readLabel()
  try {
    return label === undefined ? undefined : (JSON.parse(label) as SourceIdentity)
  } catch (cause) {
    const message = `the changelog in ${log.where} does not say which database it belongs to`
    throw new FeedError('FEED_LOG_CORRUPT', message, {
      cause,
      hint: 'its file source.json is damaged; remove it to take the database that the server is started with',
    })
  }
}

/** Whether the slot of the log's database was made for this log: nobody else needs it. */
export function ownsSlot(log: Pick<ChangelogKeeper, 'readLabel' | 'where'>): boolean {
  const known = readIdentity(log)
  return known !== undefined && known.slot !== 'none'
}

export function keepIdentity(log: ChangelogKeeper, identity: SourceIdentity): void {
  log.writeLabel(`${JSON.stringify(identity, undefined, 2)}\n`)
}

export function checkIdentity({ where: dir }: ChangelogKeeper, known: SourceIdentity, now: SourceIdentity): void {
  if (known.systemIdentifier === now.systemIdentifier && known.databaseOid === now.databaseOid) return
  const message =
    known.systemIdentifier === now.systemIdentifier
      ? `the changelog in ${dir} belongs to database "${known.database}" (oid ${known.databaseOid}), not to "${now.database}" (oid ${now.databaseOid})`
      : `the changelog in ${dir} belongs to database "${known.database}" of another PostgreSQL cluster (system identifier ${known.systemIdentifier}, now ${now.systemIdentifier})`
  throw new FeedError('FEED_START', message, {
    hint: 'point the server at the cluster it was started with, or move this folder away to begin a new changelog',
  })
}

/** `replication` is a connection with replication=database. */
export async function askIdentity(
  control: Queries,
  replication: Queries,
  known: SourceIdentity | undefined,
): Promise<{ readonly identity: SourceIdentity; readonly wal: WalFacts }> {
  const [system] = await replication.query('IDENTIFY_SYSTEM')
  const { identity, end } = await identityOf(control, system)
  const before = otherTimeline(identity, known)
  const leftAt = before === undefined ? undefined : await leftTimeline(replication, identity.timeline, before)
  return { identity, wal: { end, leftAt } }
}

/** What IDENTIFY_SYSTEM says. The timeline of a checkpoint would be the earlier one for a while after a promotion. */
const identifySql = `SELECT system_identifier::text, pg_walfile_name(pg_current_wal_lsn()), pg_current_wal_flush_lsn()::text FROM pg_control_system()`

/** The same where there is no connection for replication. Nobody tells there where the WAL left a timeline. */
export async function askIdentityInSql(
  control: Queries,
  known: SourceIdentity | undefined,
): Promise<{ readonly identity: SourceIdentity; readonly wal: WalFacts }> {
  const [row] = await control.query(identifySql)
  const [systemIdentifier = null, file, flushed = null] = row ?? []
  const timeline = String(timelineOfFile(file))
  const { identity, end } = await identityOf(control, [systemIdentifier, timeline, flushed])
  return { identity, wal: { end, leftAt: otherTimeline(identity, known) === undefined ? undefined : 'unknown' } }
}

type Identity = SourceIdentity & { readonly timeline: number }

async function identityOf(
  control: Queries,
  system: readonly (string | null)[] | undefined,
): Promise<{ readonly identity: Identity; readonly end: Lsn }> {
  const [own] = await control.query(
    'SELECT oid::text, datname::text FROM pg_database WHERE datname = current_database()',
  )
  const [systemIdentifier, timeline, end] = system ?? []
  const [databaseOid, database] = own ?? []
  if (systemIdentifier == null || timeline == null || end == null || databaseOid == null || database == null)
    throw new FeedError('FEED_PROTOCOL', 'the source does not say who it is')
  return { identity: { systemIdentifier, databaseOid, database, timeline: Number(timeline) }, end: parseLsn(end) }
}

/** The timeline of the log, if the source is not on it any more. */
function otherTimeline(now: Identity, known: SourceIdentity | undefined): number | undefined {
  return known?.timeline === now.timeline ? undefined : known?.timeline
}

/** Returns the position at which the history of timeline `now` left timeline `before`; zero: it was never on that timeline. */
async function leftTimeline(replication: Queries, now: number, before: number): Promise<Lsn> {
  if (now === 1) return 0n
  const [row] = await replication.query(`TIMELINE_HISTORY ${now}`)
  return switchPoint(row?.[1] ?? '', before)
}

/** A history file: per line a timeline, the position at which it was left, and the reason; `#` starts a comment. */
export function switchPoint(history: string, timeline: number): Lsn {
  for (const line of history.split('\n')) {
    const [, id, lsn] = /^\s*(\d+)\s+([0-9A-Fa-f]+\/[0-9A-Fa-f]+)/.exec(line) ?? []
    if (lsn !== undefined && Number(id) === timeline) return parseLsn(lsn)
  }
  return 0n
}

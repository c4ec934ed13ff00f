// The newest timeline on which a server of a list was seen. Every promotion begins a new one; so a server that can be written to on
// an older one was the primary before a promotion, and has a history of its own since. It may come back when nobody keeps it from
// that, and may stand first in the list. A cluster that was made anew or upgraded begins at timeline 1 again, and is no former primary:
// its system identifier is another one. Each thread has memory of its own.

import { FeedError } from '../errors/feed-error.ts'
import { keyOf } from './last-route.ts'
import type { Queries } from './queries.ts'
import { isNoRight } from './slot-access.ts'
import type { PostgresServer } from './source-connection.ts'

/** A timeline of one cluster. */
export interface ClusterTimeline {
  /** Empty: our role may not ask for it. */
  readonly systemIdentifier: string
  readonly timeline: number
}

const newest = new Map<string, number>()

/** Whether one of several servers is wanted, and a primary: then a former one is none. */
export function wantsPrimary({ otherHosts, targetSessionAttrs: wanted }: PostgresServer): boolean {
  return otherHosts !== undefined && (wanted === 'primary' || wanted === 'read-write')
}

/** Gives the newest one of the cluster that is known now. */
export function noteTimeline(server: PostgresServer, { systemIdentifier, timeline }: ClusterTimeline): number {
  const key = `${systemIdentifier} ${keyOf(server)}`
  const known = Math.max(newest.get(key) ?? 0, timeline)
  newest.set(key, known)
  return known
}

/** The timeline that a primary writes. */
export async function askTimeline(connection: Queries): Promise<number> {
  const [row] = await connection.query('SELECT pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn())')
  return timelineOfFile(row?.[0])
}

/** The same, with the cluster that it is of. */
export async function askClusterTimeline(connection: Queries): Promise<ClusterTimeline> {
  const timeline = await askTimeline(connection)
  try {
    const [row] = await connection.query('SELECT system_identifier::text FROM pg_catalog.pg_control_system()')
    return { systemIdentifier: row?.[0] ?? '', timeline }
  } catch (error) {
    // A DBA has taken the function away from everybody.
    if (!isNoRight(error)) throw error
    return { systemIdentifier: '', timeline }
  }
}

/** A file of the WAL is named after its timeline and its place. */
export function timelineOfFile(name: string | null | undefined): number {
  return parseInt(name?.slice(0, 8) ?? '', 16)
}

/** Throws if a server of a list, which writes this timeline, was the primary before a promotion. */
export function checkTimeline(server: PostgresServer, written: ClusterTimeline): void {
  const known = noteTimeline(server, written)
  if (written.timeline < known) throw formerPrimary(written.timeline, known)
}

function formerPrimary(timeline: number, known: number): FeedError {
  return new FeedError(
    'FEED_SOURCE_DOWN',
    `it was the primary before a promotion (it writes timeline ${timeline}, and timeline ${known} was begun since)`,
    { hint: 'shut the former primary down, or make a standby of it; a restored backup is read if it is named alone' },
  )
}

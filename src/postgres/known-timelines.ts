// The newest timeline on which a server of a list was seen. Every promotion begins a new one; so a server that can be written to on
// an older one was the primary before a promotion, and has a history of its own since. It may come back when nobody keeps it from
// that, and may stand first in the list. Each thread has memory of its own.

import { FeedError } from '../errors/feed-error.ts'
import { keyOf } from './last-route.ts'
import type { Queries } from './queries.ts'
import type { PostgresServer } from './source-connection.ts'

const newest = new Map<string, number>()

/** Whether one of several servers is wanted, and a primary: then a former one is none. */
export function wantsPrimary({ otherHosts, targetSessionAttrs: wanted }: PostgresServer): boolean {
  return otherHosts !== undefined && (wanted === 'primary' || wanted === 'read-write')
}

/** Gives the newest one that is known now. */
export function noteTimeline(server: PostgresServer, timeline: number): number {
  const key = keyOf(server)
  const known = Math.max(newest.get(key) ?? 0, timeline)
  newest.set(key, known)
  return known
}

/** The timeline that a primary writes. */
export async function askTimeline(connection: Queries): Promise<number> {
  const [row] = await connection.query('SELECT pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn())')
  return timelineOfFile(row?.[0])
}

/** A file of the WAL is named after its timeline and its place. */
export function timelineOfFile(name: string | null | undefined): number {
  return parseInt(name?.slice(0, 8) ?? '', 16)
}

/** Throws if a server of a list, which writes `timeline`, was the primary before a promotion. */
export function checkTimeline(server: PostgresServer, timeline: number): void {
  const known = noteTimeline(server, timeline)
  if (timeline < known) throw formerPrimary(timeline, known)
}

function formerPrimary(timeline: number, known: number): FeedError {
  return new FeedError(
    'FEED_SOURCE_DOWN',
    `it was the primary before a promotion (it writes timeline ${timeline}, and timeline ${known} was begun since)`,
    { hint: 'shut the former primary down, or make a standby of it' },
  )
}

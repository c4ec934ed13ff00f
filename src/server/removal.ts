// Takes back from a database of somebody's PostgreSQL what changefeeds have put there: first everything that will be done, and what
// is in the way, for those who ask before they do it; then the work itself. Each step may be repeated after a failure.

import { FeedError } from '../errors/feed-error.ts'
import { giveBackTables } from '../ingest/give-back.ts'
import { openRawConnection, type RawConnection } from '../postgres/raw-connection.ts'
import { systemIdentifier } from '../postgres/attached/system-identifier.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { readState, removeState } from './remove-state.ts'
import { publication, slotName } from '../source-schema/names.ts'
import { hasAnythingSql, hasOurTablesSql, publicationIsPrepared } from '../source-schema/ownership.ts'
import { uninstall } from '../source-schema/uninstall.ts'
import { slotReaderSql } from '../source-schema/slot-reader.ts'

/** How long to wait for tables that transactions use. */
const patienceMs = 10_000

export interface RemovalOptions {
  readonly source: SourceConnection
  /** The database of jobs and settings. */
  readonly state: SourceConnection
}

export interface Removal {
  /** What will be removed, a line for each. */
  readonly removes: readonly string[]
  /** What stays, and the statements with which its owner removes it. */
  readonly leaves: readonly string[]
  readonly undo: readonly string[]
  /** Who needs it now. */
  readonly needed: readonly string[]
}

/** Looks, and changes nothing. */
export async function planRemoval({ source, state }: RemovalOptions): Promise<Removal> {
  await using connection = await openRawConnection({ source })
  const facts = await readFacts(connection)
  const removes: string[] = []
  const leaves: string[] = []
  const needed: string[] = []
  if (facts.slot !== undefined) {
    removes.push(`replication slot "${facts.slot.name}"`)
    if (facts.slot.user !== undefined) needed.push(`a server reads its slot "${facts.slot.name}": ${facts.slot.user}`)
  }
  if (facts.isInstalled) {
    for (const { name, identity } of facts.watched) {
      removes.push(
        `table ${name} from publication "${publication}"${identity === undefined ? '' : `; it gets REPLICA IDENTITY ${identity} again`}`,
      )
    }
    removes.push(`publication "${publication}", event triggers pg_changefeed_*, and schema changefeed`)
  }
  if (facts.undo !== undefined)
    leaves.push(`publication "${publication}", and what else the script of changefeed setup-sql has done`)
  const found = await usingConnection(state, (queries) => readState(queries, facts.system))
  if (found !== undefined) {
    removes.push(`jobs, settings and privileges in schema ${found.schema} of database "${state.database}"`)
    needed.push(...found.needed)
  }
  return { removes, leaves, undo: inOrder(facts.undo ?? []), needed }
}

/** Does what `planRemoval` has said. */
export async function remove({ source, state }: RemovalOptions): Promise<void> {
  const { isInstalled, watched, slot, system } = await usingConnection(source, readFacts)
  await usingConnection(state, (connection) => readState(connection, system))
  if (slot?.user !== undefined) await usingConnection(source, (connection) => endReader(connection, slot.name))
  if (isInstalled && watched.length > 0) {
    const needed = (): Promise<ReadonlySet<number>> => Promise.resolve(new Set())
    const { busy } = await giveBackTables(source, { relids: watched.map(({ relid }) => relid), needed, patienceMs })
    if (busy.length > 0) {
      const names = watched.filter(({ relid }) => busy.includes(relid)).map(({ name }) => name)
      throw new FeedError('FEED_STATE', `transactions use ${names.join(', ')}: nothing else has been removed`, {
        sqlstate: '55P03',
        hint: 'repeat the command when they are over',
      })
    }
  }
  if (!(await uninstall(source)))
    throw new FeedError(
      'FEED_STATE',
      'a changefeed has begun to watch tables meanwhile: nothing else has been removed',
      {
        hint: 'stop the server, and repeat the command',
      },
    )
  await usingConnection(state, (connection) => removeState(connection, system))
}

interface Watched {
  readonly relid: number
  readonly name: string
  /** The replica identity of before, as ALTER TABLE writes it; undefined: we have not changed it. */
  readonly identity: string | undefined
}

interface Facts {
  /** The system identifier of the PostgreSQL, if our role may ask. */
  readonly system: string | undefined
  readonly isInstalled: boolean
  readonly watched: readonly Watched[]
  readonly slot: { readonly name: string; readonly user: string | undefined } | undefined
  /** The statements that undo what a DBA has run; undefined: the database is not prepared by a script. */
  readonly undo: readonly string[] | undefined
}

async function readFacts(connection: RawConnection): Promise<Facts> {
  const [row] = await connection.query(
    `SELECT d.oid::text, ${hasAnythingSql}, ${hasOurTablesSql},
       (SELECT obj_description(p.oid, 'pg_publication') FROM pg_publication p WHERE p.pubname = '${publication}' AND ${publicationIsPrepared})
     FROM pg_database d WHERE d.datname = current_database()`,
  )
  const [oid, isAnything, hasTables, comment] = row ?? []
  const name = slotName(oid ?? '')
  const [slot] = await connection.query(
    `SELECT s.slot_name::text, CASE WHEN reader IS NOT NULL THEN format('process %s%s', reader, (SELECT format(' of user "%s" (%s)', usename, application_name) FROM pg_stat_activity WHERE pid = reader)) END
     FROM pg_replication_slots s, LATERAL (SELECT ${slotReaderSql()}) r (reader) WHERE s.slot_name = '${name}' AND s.database = current_database() AND s.plugin = 'pgoutput'`,
  )
  return {
    system: await systemIdentifier(connection),
    isInstalled: isAnything === 't',
    watched: hasTables === 't' ? (await connection.query(watchedSql)).map(readWatched) : [],
    slot: slot === undefined ? undefined : { name, user: slot[1] ?? undefined },
    undo: comment
      ?.split('\n')
      .slice(1)
      .filter((line) => line !== ''),
  }
}

const watchedSql = `SELECT w.relid::text, coalesce(format('%I.%I', n.nspname, c.relname), 'that was dropped'),
    CASE WHEN c.relreplident = 'f' THEN CASE w.was_identity WHEN 'd' THEN 'DEFAULT' WHEN 'n' THEN 'NOTHING' WHEN 'i' THEN 'USING INDEX' END END
  FROM changefeed.watched w LEFT JOIN pg_class c ON c.oid = w.relid LEFT JOIN pg_namespace n ON n.oid = c.relnamespace ORDER BY 2`

function readWatched([relid, name, identity]: (string | null)[]): Watched {
  return { relid: Number(relid), name: name ?? '', identity: identity ?? undefined }
}

/** With `--force`: the server that reads the slot is cut off. */
async function endReader(connection: RawConnection, slot: string): Promise<void> {
  await connection.query(
    `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '${slot}' AND active_pid IS NOT NULL`,
  )
}

/** The publication comes first, and roles last, when nothing of theirs is left. */
function inOrder(undo: readonly string[]): readonly string[] {
  const rank = (line: string): number =>
    line.startsWith('DROP PUBLICATION') ? 0 : line.startsWith('DROP OWNED') ? 2 : 1
  return undo.toSorted((a, b) => rank(a) - rank(b))
}

async function usingConnection<T>(
  source: SourceConnection,
  work: (connection: RawConnection) => Promise<T>,
): Promise<T> {
  await using connection = await openRawConnection({ source })
  return await work(connection)
}

// UNWATCH gives tables back that no changefeed needs: at once, not only after changefeed.watch.keep_duration.

import { giveBackTables } from '../../ingest/give-back.ts'
import { publication, slotName } from '../../source-schema/names.ts'
import { hasOurTablesSql, publicationIsOurs } from '../../source-schema/ownership.ts'
import { uninstall } from '../../source-schema/uninstall.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { LocalStatement } from '../../pg-server/local-statement.ts'
import type { TargetFacts } from '../../plan/catalogue.ts'
import { openRawConnection, queryOnce } from '../../postgres/raw-connection.ts'
import type { SourceConnection } from '../../postgres/source-connection.ts'
import type { Unwatch } from '../../sql/ast.ts'
import { catalogueQueries, namedTables } from './catalogue-queries.ts'
import { neededTables } from '../sources/give-back.ts'
import type { ServerParts } from '../server-parts.ts'
import { requireAdmin } from './current-user.ts'
import { endHint } from './drop-database.ts'

/** How long UNWATCH waits for a table that transactions use. */
const patienceMs = 10_000

export function unwatch({ what }: Unwatch, context: ServerParts): LocalStatement {
  return {
    async run({ session, notice }) {
      const { sources, jobs, rights, backend } = context
      const user = await requireAdmin(session.queryBackend, rights, 'only admins may UNWATCH')
      const queryIn = catalogueQueries(session, backend.source, user)
      const asked =
        what.tag === 'tables'
          ? inOneDatabase(await namedTables(what.targets, session.database, queryIn), session.database)
          : { database: what.name ?? session.database, relids: undefined }
      const connection = { ...backend.source, database: asked.database }
      if (asked.relids !== undefined && (await isListLost(connection))) {
        throw new FeedError('FEED_STATE', `the list of watched tables of database "${asked.database}" is not there`, {
          hint: 'it was renamed or removed by somebody; UNWATCH DATABASE removes what is left when no changefeed needs it any more',
        })
      }
      const relids = asked.relids ?? (await watchedIn(connection))
      const source = sources.of(asked.database)
      if (source === undefined) await refuseOfAnother(connection)
      // A database without a source is a copy of a database with one, and no changefeed needs its tables.
      const needed = async (): Promise<ReadonlySet<number>> =>
        source === undefined ? new Set() : neededTables(jobs, source)
      const inNeed = await needed()
      // UNWATCH DATABASE also checks needed tables that the list of watched tables does not have, because the list may be gone.
      const stillNeeded = asked.relids === undefined ? [...inNeed] : relids.filter((relid) => inNeed.has(relid))
      if (stillNeeded.length > 0) throw await inUse(asked.database, stillNeeded, context)
      const { given, busy, left, isPrepared } = await giveBackTables(connection, { relids, patienceMs, needed })
      if (isPrepared === true) {
        if (what.tag === 'tables') throw preparedTables(asked.database)
        notice(
          'NOTICE',
          `publication ${publication} of database "${asked.database}" stays: who has prepared it owns it`,
          undoHint,
        )
      }
      if (left === 0) {
        if (source !== undefined) await sources.retire(source)
        else await uninstall(connection)
      }
      if (busy.length > 0) {
        const message = `${busy.length} of ${relids.length} tables are in use by other transactions`
        throw new FeedError('FEED_STATE', message, {
          sqlstate: '55P03',
          hint: 'the others are given back; repeat the statement when those transactions are over',
        })
      }
      return `UNWATCH ${given}`
    },
  }
}

/** On somebody's PostgreSQL a server with another store may read the database, and need what is there. */
async function refuseOfAnother(connection: SourceConnection): Promise<void> {
  if (connection.isOwnServer === true) return
  const [slot] = await queryOnce(
    connection,
    `SELECT s.slot_name FROM pg_replication_slots s JOIN pg_database d ON d.datname = s.database WHERE d.datname = current_database() AND s.slot_name = '${slotName('')}' || d.oid`,
  )
  if (slot === undefined) return
  throw new FeedError(
    'FEED_STATE',
    `replication slot "${slot[0]}" of database "${connection.database}" was made by a server with another store`,
    {
      hint: 'UNWATCH there; if that server and its store are gone for good, changefeed uninstall takes back what it has left',
    },
  )
}

const undoHint =
  'changefeed uninstall --postgres=... prints the statements that take back what a script of changefeed setup-sql has done'

function preparedTables(database: string): FeedError {
  return new FeedError('FEED_STATE', `which tables of database "${database}" are published is not ours to change`, {
    hint: `the owner of the publication runs ALTER PUBLICATION ${publication} DROP TABLE …; UNWATCH DATABASE removes the slot when no changefeed needs it any more`,
  })
}

function inOneDatabase(
  tables: readonly TargetFacts[],
  current: string,
): { readonly database: string; readonly relids: readonly number[] } {
  const database = tables[0]?.database ?? current
  if (tables.some((table) => table.database !== database))
    throw new FeedError('FEED_TARGET', 'UNWATCH takes tables of one database', { hint: 'write one statement for each' })
  return { database, relids: tables.map(({ relid }) => relid) }
}

/** Whether our publication exists without the list of watched tables. */
async function isListLost(source: SourceConnection): Promise<boolean> {
  const [is] = await queryOnce(
    source,
    `SELECT to_regclass('changefeed.watched') IS NULL AND EXISTS (SELECT FROM pg_publication p WHERE p.pubname = '${publication}' AND ${publicationIsOurs})`,
  )
  return is?.[0] === 't'
}

async function watchedIn(source: SourceConnection): Promise<readonly number[]> {
  await using connection = await openRawConnection({ source })
  const [is] = await connection.query(`SELECT ${hasOurTablesSql}`)
  if (is?.[0] !== 't') return []
  return (await connection.query('SELECT relid::text FROM changefeed.watched')).map(([relid]) => Number(relid))
}

async function inUse(database: string, relids: readonly number[], { jobs }: ServerParts): Promise<FeedError> {
  const ids = (await jobs.store.unfinished())
    .filter((job) => job.database === database && job.relids.some((relid) => relids.includes(relid)))
    .map(({ id }) => id)
  return new FeedError('FEED_STATE', `a changefeed needs tables of database "${database}" that are to be given back`, {
    sqlstate: '55006',
    hint: endHint(ids),
  })
}

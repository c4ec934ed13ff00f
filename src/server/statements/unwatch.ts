// UNWATCH: tables that no changefeed needs are given back at once, not only when changefeed.watch.keep_duration is over.

import { giveBackTables } from '../../ingest/give-back.ts'
import { publication } from '../../source-schema/names.ts'
import { hasOurTablesSql, publicationIsOurs } from '../../source-schema/ownership.ts'
import { uninstall } from '../../source-schema/uninstall.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { LocalCall, LocalStatement } from '../../pg-server/local-statement.ts'
import { resolveTargets } from '../../plan/catalogue.ts'
import { openRawConnection, queryOnce } from '../../postgres/raw-connection.ts'
import type { SourceConnection } from '../../postgres/source-connection.ts'
import type { Target, Unwatch } from '../../sql/ast.ts'
import { catalogueQueries, currentUser } from './catalogue-queries.ts'
import { neededTables } from '../sources/give-back.ts'
import type { ServerParts } from '../server-parts.ts'
import { requireAdmin } from './require-admin.ts'

/** How long a table that transactions use is waited for. */
const patienceMs = 10_000

export function unwatch({ what }: Unwatch, context: ServerParts): LocalStatement {
  return {
    async run(call) {
      const { sources, jobs, rights, backend } = context
      await requireAdmin(rights, await currentUser(call.session), 'only admins may UNWATCH')
      const asked =
        what.tag === 'tables'
          ? await find(what.targets, context, call)
          : { database: what.name ?? call.session.database, relids: undefined }
      const connection = { ...backend.source, database: asked.database }
      if (asked.relids !== undefined && (await isListLost(connection))) {
        throw new FeedError('FEED_STATE', `the list of watched tables of database "${asked.database}" is not there`, {
          hint: 'it was renamed or removed by somebody; UNWATCH DATABASE removes what is left when no changefeed needs it any more',
        })
      }
      const relids = asked.relids ?? (await watchedIn(connection))
      const source = sources.of(asked.database)
      // Where nothing reads the database it is a copy of one that was read, and nobody needs its tables.
      const needed = async (): Promise<ReadonlySet<number>> =>
        source === undefined ? new Set() : neededTables(jobs, source)
      const inNeed = await needed()
      // Also where the list of watched tables is gone, and says nothing of them.
      const taken = asked.relids === undefined ? [...inNeed] : relids.filter((relid) => inNeed.has(relid))
      if (taken.length > 0) throw await inUse(asked.database, taken, context)
      const { given, busy, left } = await giveBackTables(connection, { relids, patienceMs, needed })
      if (left === 0) {
        if (source !== undefined) await sources.retire(source)
        else await uninstall(connection)
      }
      if (busy.length > 0) {
        throw new FeedError(
          'FEED_STATE',
          `${busy.length} of ${relids.length} tables are in use by other transactions`,
          {
            sqlstate: '55P03',
            hint: 'the others are given back; repeat the statement when those transactions are over',
          },
        )
      }
      return `UNWATCH ${given}`
    },
  }
}

async function find(
  targets: readonly Target[],
  { backend }: ServerParts,
  { session }: LocalCall,
): Promise<{ database: string; relids: readonly number[] }> {
  const user = await currentUser(session)
  const found = await resolveTargets(targets, session.database, catalogueQueries(session, backend.source, user))
  const tables = found.targets.map((table, i) => {
    if (table.tag === 'table') return table
    throw new FeedError('FEED_NO_TABLE', `table "${targets[i]?.text}" does not exist`, {
      position: (targets[i]?.position ?? 0) + 1,
    })
  })
  const database = tables[0]?.database ?? session.database
  if (tables.some((table) => table.database !== database))
    throw new FeedError('FEED_TARGET', 'UNWATCH takes tables of one database', { hint: 'write one statement for each' })
  return { database, relids: tables.map(({ relid }) => relid) }
}

/** Tables are published and nobody knows why. */
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
    hint:
      ids.length > 0 ? `CANCEL JOBS ${ids.join(', ')}` : 'end it first: SHOW QUERIES lists it, CANCEL QUERY ends it',
  })
}

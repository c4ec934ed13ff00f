// Finds out by trying what our role may do. `rolreplication` does not say it: managed services give the right by membership in a
// role of theirs, and a role that is only a member of a role with REPLICATION gets no replication connection, but may use the SQL
// functions. Nothing is created by a trial: each names something that does not exist, and PostgreSQL checks the right first.

import { FeedError } from '../../errors/feed-error.ts'
import type { Queries } from '../../postgres/queries.ts'
import { openRawConnection } from '../../postgres/raw-connection.ts'
import type { SourceConnection } from '../../postgres/source-connection.ts'
import { mayCreateEventTriggers } from '../../source-schema/source-mode.ts'
import { quoteName } from '../../core/quote.ts'

/** How a slot can be read. */
export type Reading =
  /** A replication connection. */
  | { readonly tag: 'stream' }
  /** There are no free connections or WAL senders now, so it is not known whether one would be given. */
  | { readonly tag: 'unknown'; readonly error: FeedError }
  /** Only the SQL functions; `role`: after SET ROLE. */
  | { readonly tag: 'functions'; readonly role: string | undefined }
  | { readonly tag: 'refused'; readonly error: FeedError }

export interface Tries {
  readonly reading: Reading
  readonly eventTriggers: boolean
}

const noSuchSlot = 'pg_changefeed_no_such_slot'
const tooMany = '53300'
const noRight = '42501'

export async function tryRights(
  source: SourceConnection,
  connection: Queries,
  replicationRoles: readonly string[],
): Promise<Tries> {
  const eventTriggers = await mayCreateEventTriggers(connection)
  return { reading: await tryReading(source, connection, replicationRoles), eventTriggers }
}

async function tryReading(
  source: SourceConnection,
  connection: Queries,
  replicationRoles: readonly string[],
): Promise<Reading> {
  let refused: FeedError
  try {
    await using replication = await openRawConnection({
      source,
      replication: true,
      applicationName: 'pg-changefeed doctor',
    })
    await replication.query('IDENTIFY_SYSTEM')
    return { tag: 'stream' }
  } catch (error) {
    if (!(error instanceof FeedError)) throw error
    if (error.sqlstate === tooMany) return { tag: 'unknown', error }
    refused = error
  }
  if (await mayUseFunctions(connection)) return { tag: 'functions', role: undefined }
  for (const role of replicationRoles) {
    try {
      await connection.query(`SET ROLE ${quoteName(role)}`)
      if (await mayUseFunctions(connection)) return { tag: 'functions', role }
    } catch (error) {
      // A membership may have been granted without SET (PostgreSQL 16).
      if (!(error instanceof FeedError) || error.sqlstate !== noRight) throw error
    } finally {
      await connection.query('RESET ROLE')
    }
  }
  return { tag: 'refused', error: refused }
}

async function mayUseFunctions(connection: Queries): Promise<boolean> {
  try {
    await connection.query(`SELECT pg_drop_replication_slot('${noSuchSlot}')`)
  } catch (error) {
    if (!(error instanceof FeedError)) throw error
    return error.sqlstate !== noRight
  }
  return true
}

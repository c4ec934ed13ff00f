// Finds out by trying what our role may do. Nothing is created by a trial.

import { FeedError } from '../../errors/feed-error.ts'
import type { Queries } from '../../postgres/queries.ts'
import { openRawConnection } from '../../postgres/raw-connection.ts'
import { findSlotFunctions, type SlotFunctions } from '../../postgres/slot-access.ts'
import type { SourceConnection } from '../../postgres/source-connection.ts'
import { mayCreateEventTriggers } from '../../source-schema/source-mode.ts'

/** How a slot can be read. */
export type Reading =
  /** A replication connection. */
  | { readonly tag: 'stream' }
  /** There are no free connections or WAL senders now, so it is not known whether one would be given. */
  | { readonly tag: 'unknown'; readonly error: FeedError }
  /** Only the SQL functions. */
  | { readonly tag: 'functions'; readonly functions: SlotFunctions }
  | { readonly tag: 'refused'; readonly error: FeedError }

export interface Tries {
  readonly reading: Reading
  readonly eventTriggers: boolean
}

const tooMany = '53300'

export async function tryRights(source: SourceConnection, connection: Queries): Promise<Tries> {
  const eventTriggers = await mayCreateEventTriggers(connection)
  return { reading: await tryReading(source, connection), eventTriggers }
}

async function tryReading(source: SourceConnection, connection: Queries): Promise<Reading> {
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
  const functions = await findSlotFunctions(connection)
  return functions === undefined ? { tag: 'refused', error: refused } : { tag: 'functions', functions }
}

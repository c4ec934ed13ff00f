// Opens a source: its changelog, the ingest thread that fills the changelog, and the tables that changefeeds of this server
// need. Messages of ingest are written into the server's log.

import type { Logger } from 'pino'
import type { Changelog, LogHandle } from '../../changelog/changelog.ts'
import { logInFolder, openChangelog } from '../../changelog/open-changelog.ts'
import type { FromIngest, IngestSettings } from '../../ingest/ingest.ts'
import { IngestThread } from '../../ingest/ingest-thread.ts'
import type { Backend } from '../../postgres/backend.ts'
import type { SourceConnection } from '../../postgres/source-connection.ts'
import { explainWireLoss } from '../explain/explain-loss.ts'
import type { TableUses } from './table-uses.ts'

export interface Source {
  readonly connection: SourceConnection
  /** The handle by which other threads open the log. */
  readonly handle: LogHandle
  readonly log: Changelog
  readonly ingest: IngestThread
  /** The tables that changefeeds of this server need now. */
  readonly uses: TableUses
}

export interface OpenSourceOptions {
  /** The folder of its changelog. */
  readonly dir: string
  readonly connection: SourceConnection
  readonly settings: IngestSettings
  readonly uses: TableUses
  readonly log: Logger
  readonly backend: Pick<Backend, 'failure'>
}

export function openSource({ dir, connection, settings, uses, log, backend }: OpenSourceOptions): Source {
  const handle = logInFolder(dir)
  const ingest = new IngestThread(
    { log: handle, source: connection, settings },
    (message) => logMessage(log, connection.database, message),
    (error) => explainWireLoss(error, backend),
  )
  return { connection, handle, log: openChangelog(handle), ingest, uses }
}

function logMessage(log: Logger, database: string, message: FromIngest): void {
  if (message.tag === 'gap') log.error({ database, reason: message.reason }, 'changes are missing from the changelog')
  if (message.tag === 'warning') log.warn({ database }, message.why)
  if (message.tag === 'waiting') log.info({ database, why: message.why }, 'the replication slot cannot be made yet')
  if (message.tag !== 'state') return
  const { state } = message
  if (state.tag === 'held') log.warn({ database, reason: state.error.message }, 'ingest waits')
  else if (state.tag === 'failed' || state.tag === 'retrying') {
    log.warn({ database, error: state.error.message }, state.tag === 'failed' ? 'ingest stopped' : 'ingest tries again')
  } else log.debug({ database, state: state.tag }, 'ingest')
}

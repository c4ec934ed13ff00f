// Opens a source: its changelog, the ingest thread that fills the changelog, and the tables that changefeeds of this server
// need. Messages of ingest are written into the server's log.

import type { Logger } from 'pino'
import { LastingTrouble } from '../../async/lasting-trouble.ts'
import { Turns } from '../../async/turns.ts'
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
  /** Which of its tables are being taken under watch now. */
  readonly watching: Turns<number>
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
  const ofDatabase = log.child({ database: connection.database })
  const lasting = new LastingTrouble()
  const ingest = new IngestThread(
    { log: handle, source: connection, settings },
    (message) => logMessage(ofDatabase, message, lasting),
    (error) => explainWireLoss(error, backend),
  )
  ingest.trouble.listen((trouble) => {
    if (trouble === undefined && lasting.over()) ofDatabase.info('ingest goes on')
  })
  return { connection, handle, log: openChangelog(handle), ingest, uses, watching: new Turns() }
}

function logMessage(log: Logger, message: FromIngest, lasting: LastingTrouble): void {
  if (message.tag === 'gap') log.error({ reason: message.reason }, 'changes are missing from the changelog')
  if (message.tag === 'warning') log.warn(message.why)
  if (message.tag === 'waiting') log.info({ why: message.why }, 'the replication slot cannot be made yet')
  if (message.tag !== 'state') return
  const { state } = message
  if (state.tag === 'held') log.warn({ reason: state.error.message }, 'ingest waits')
  else if (state.tag === 'failed') log.error({ error: state.error.message, hint: state.error.hint }, 'ingest stopped')
  else if (state.tag === 'retrying') {
    const { level, since } = lasting.failed()
    const { error, inMs } = state
    log[level]({ error: error.message, hint: error.hint, inMs, since }, 'ingest tries again')
  } else log.debug({ state: state.tag }, 'ingest')
}

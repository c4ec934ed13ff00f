// A snapshot and the WAL position it stands for: commits before the position are in the snapshot, later ones will be
// streamed; nothing is in both or in neither. It comes from a temporary logical slot, whose creation waits for the write
// transactions that are open.

import { randomBytes } from 'node:crypto'
import { parseLsn, type Lsn } from '../core/lsn.ts'
import { FeedError } from '../errors/feed-error.ts'
import { explainWait } from '../postgres/explain-wait.ts'
import { openRawConnection, type RawConnection } from '../postgres/raw-connection.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'

export interface Snapshot {
  readonly point: Lsn
  /** For SET TRANSACTION SNAPSHOT, as long as the connection that exported it is idle. */
  readonly name: string
}

/** `slot`: a replication connection, which keeps the slot and the snapshot until it is closed. `control`: another one. */
export async function exportSnapshot(
  slot: RawConnection,
  control: RawConnection,
  waiting: ((why: string) => void) | undefined,
): Promise<Snapshot> {
  const slotName = `pg_changefeed_cut_${randomBytes(6).toString('hex')}`
  const explained = explainWait(control, slot, (why) => waiting?.(why))
  const [created] = await slot
    .query(`CREATE_REPLICATION_SLOT "${slotName}" TEMPORARY LOGICAL pgoutput (SNAPSHOT 'export')`)
    .finally(explained)
  const point = created?.[1]
  const name = created?.[2]
  if (point == null || name == null) throw new FeedError('FEED_PROTOCOL', 'CREATE_REPLICATION_SLOT gave no snapshot')
  return { point: parseLsn(point), name }
}

/** False: whoever exported the snapshot is gone. */
export async function importSnapshot(reader: RawConnection, name: string): Promise<boolean> {
  await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
  try {
    await reader.query(`SET TRANSACTION SNAPSHOT '${name}'`)
    return true
  } catch (error) {
    if (error instanceof FeedError && error.code === 'FEED_SOURCE_REFUSED') return false
    throw error
  }
}

/** Connections that are given up together: when the signal aborts, or with `destroy`. */
export class Connections implements Disposable {
  readonly #source: SourceConnection
  readonly #signal: AbortSignal
  readonly #open: RawConnection[] = []

  constructor(source: SourceConnection, signal: AbortSignal) {
    this.#source = source
    this.#signal = signal
    signal.addEventListener('abort', this.destroy)
  }

  async connect(replication = false): Promise<RawConnection> {
    const connection = await openRawConnection({ source: this.#source, replication, readBufferBytes: 512 * 1024 })
    this.#open.push(connection)
    this.#signal.throwIfAborted()
    return connection
  }

  /** A backend that waits for a transaction or a lock does not notice that we are gone, and would keep its slot. */
  readonly destroy = (): void => {
    for (const connection of this.#open) {
      void connection.cancel()
      connection.destroy()
    }
  };

  /** The signal does not count any more. */
  [Symbol.dispose](): void {
    this.#signal.removeEventListener('abort', this.destroy)
  }
}

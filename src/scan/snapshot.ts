// Exports a snapshot together with its position in the WAL: commits before the position are in the snapshot, later commits
// are in the changelog, and no commit is in both or in neither. The snapshot comes from a temporary logical slot, whose
// creation waits for the open transactions that have written; where our role gets none, from seen-snapshot.ts.

import { randomBytes } from 'node:crypto'
import { parseLsn, type Lsn } from '../core/lsn.ts'
import { FeedError } from '../errors/feed-error.ts'
import { explainWait } from '../postgres/explain-wait.ts'
import { askTimeline } from '../postgres/known-timelines.ts'
import { openRawConnection, type RawConnection } from '../postgres/raw-connection.ts'
import { isNoRight } from '../postgres/slot-access.ts'
import { explainSlotError } from '../postgres/slot-room.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { takeSnapshot, type BeginWindow } from './seen-snapshot.ts'

export interface Snapshot {
  readonly point: Lsn
  /** The name for SET TRANSACTION SNAPSHOT. It is valid as long as the connection that exported it is idle. */
  readonly name: string
}

export interface ExportedSnapshot extends Snapshot {
  /** It keeps the snapshot, and the slot if there is one, until it is closed. */
  readonly keeper: RawConnection
  /** On which `point` is. */
  readonly timeline: number
}

export interface ExportOptions {
  /** Another connection, which works. */
  readonly control: RawConnection
  readonly waiting: ((why: string) => void) | undefined
  /** Finds the position of a snapshot where our role gets no connection for replication. */
  readonly beginWindow: BeginWindow | undefined
}

/** Opens the connection that keeps the snapshot. */
export async function exportSnapshot(
  connections: Connections,
  { control, waiting, beginWindow }: ExportOptions,
): Promise<ExportedSnapshot> {
  const timeline = await askTimeline(control)
  try {
    const slot = await connections.connect(true)
    return { keeper: slot, timeline, ...(await makeSlot(slot, control, waiting)) }
  } catch (error) {
    if (!isNoRight(error) || beginWindow === undefined) throw await explainSlotError(error, control)
  }
  const holder = await connections.connect()
  return { keeper: holder, timeline, ...(await takeSnapshot({ holder, control, beginWindow, waiting })) }
}

async function makeSlot(
  slot: RawConnection,
  control: RawConnection,
  waiting: ((why: string) => void) | undefined,
): Promise<Snapshot> {
  const slotName = `pg_changefeed_cut_${randomBytes(6).toString('hex')}`
  const explained = explainWait(control, slot, (why) => waiting?.(why))
  const [created] = await slot
    .query(`CREATE_REPLICATION_SLOT "${slotName}" TEMPORARY LOGICAL pgoutput EXPORT_SNAPSHOT`)
    .finally(explained)
  const point = created?.[1]
  const name = created?.[2]
  if (point == null || name == null) throw new FeedError('FEED_PROTOCOL', 'CREATE_REPLICATION_SLOT gave no snapshot')
  return { point: parseLsn(point), name }
}

/** Returns false if the connection that exported the snapshot is closed. */
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

/** Connections that are closed together: when the signal aborts, or by `destroy`. */
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
    const [beside] = this.#open
    const options = { source: this.#source, replication, beside, signal: this.#signal, readBufferBytes: 512 * 1024 }
    const connection = await openRawConnection(options)
    this.#open.push(connection)
    this.#signal.throwIfAborted()
    return connection
  }

  readonly destroy = (): void => destroyAll(this.#open);

  /** Stops listening to the signal; the connections stay open. */
  [Symbol.dispose](): void {
    this.#signal.removeEventListener('abort', this.destroy)
  }
}

/** Cancels the statements first: a backend that waits for a transaction or a lock does not notice a closed socket and would keep its slot. */
export function destroyAll(connections: readonly RawConnection[]): void {
  for (const connection of connections) {
    void connection.cancel()
    connection.destroy()
  }
}

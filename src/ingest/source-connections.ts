// The connections of one attempt at following a source: an ordinary one for queries, and one for the slot.

import { onAbort } from '../async/or-abort.ts'
import { Serial } from '../async/serial.ts'
import type { Queries } from '../postgres/queries.ts'
import { openRawConnection, type RawConnection } from '../postgres/raw-connection.ts'
import { unconvertedSql } from '../postgres/server-text.ts'
import { findSlotFunctions, isNoRight, setRoleSql, type SlotFunctions } from '../postgres/slot-access.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { ingestApplication } from '../source-schema/slot-reader.ts'

const bufferBytes = { control: 64 * 1024, replication: 2 * 1024 * 1024 }

export class SourceConnections {
  readonly #source: SourceConnection
  readonly #signal: AbortSignal
  readonly #open: RawConnection[] = []
  #functions: SlotFunctions | undefined
  /** Rows come in the encoding of the database, so that ingest converts them. */
  isConverted = false

  /** Connections that are opened after `signal` has aborted are closed at once. */
  constructor(source: SourceConnection, signal: AbortSignal) {
    this.#source = source
    this.#signal = signal
  }

  /** Opens an ordinary connection, which several callers share: its queries run one after the other. */
  async openControl(): Promise<Queries> {
    const connection = await this.#connect(false, bufferBytes.control)
    const serial = new Serial()
    return { query: (sql) => serial.run(() => connection.query(sql)) }
  }

  /** The processes of PostgreSQL that serve the open connections. */
  get pids(): number[] {
    return this.#open.map(({ backendPid }) => backendPid)
  }

  /** How the slot is used: by SQL functions, or, if this is undefined, over a connection for replication. */
  get functions(): SlotFunctions | undefined {
    return this.#functions
  }

  /** Opens a connection for the slot: for replication, or where our role gets none, one that may use the SQL functions. */
  async openReplication(control: Queries): Promise<RawConnection> {
    if (this.#functions === undefined) {
      try {
        return await this.#forSlot(true)
      } catch (error) {
        if (!isNoRight(error)) throw error
        this.#functions = await findSlotFunctions(control)
        if (this.#functions === undefined) throw error
      }
    }
    return await this.#forSlot(false)
  }

  /** Opens an ordinary connection that gets rows as the one for the slot gets them. */
  async openForPulls(): Promise<RawConnection> {
    return await this.#forSlot(false)
  }

  /** Settles when the server has closed the connection. */
  async closeOne(connection: RawConnection): Promise<void> {
    await connection.close()
    this.#open.splice(this.#open.indexOf(connection), 1)
  }

  async #forSlot(replication: boolean): Promise<RawConnection> {
    const connection = await this.#connect(replication, bufferBytes.replication)
    if (!replication && this.#functions !== undefined) await connection.query(setRoleSql(this.#functions))
    if (this.isConverted) await connection.query(unconvertedSql)
    return connection
  }

  /** Opens a new connection for the slot: one whose stream was left cannot stream again. */
  async replace(replication: RawConnection): Promise<RawConnection> {
    await this.closeOne(replication)
    return await this.#forSlot(this.#functions === undefined)
  }

  /** When the signal aborts, cancels the queries of all connections, unless a stream runs, which ends by itself. */
  cancelOnAbort(isStreaming: () => boolean): Disposable {
    return onAbort(this.#signal, () => {
      if (isStreaming()) return
      // A backend that waits for transactions does not notice that we are gone, and would keep its slot.
      for (const connection of this.#open) {
        void connection.cancel()
        connection.destroy()
      }
    })
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.map((connection) => connection.close()))
  }

  destroy(): void {
    for (const connection of this.#open) connection.destroy()
  }

  async #connect(replication: boolean, readBufferBytes: number): Promise<RawConnection> {
    const connection = await openRawConnection({
      source: this.#source,
      replication,
      beside: this.#open[0],
      signal: this.#signal,
      applicationName: ingestApplication,
      readBufferBytes,
    })
    this.#open.push(connection)
    if (this.#signal.aborted) connection.destroy()
    return connection
  }
}

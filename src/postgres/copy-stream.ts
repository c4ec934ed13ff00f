// The two forms of COPY: what reads the data of a table, and the stream of a replication slot.

export interface CopyHandler {
  /** Gets the payload of one CopyData message, `bytes[start, end)`. */
  data(bytes: Buffer, start: number, end: number): void
  /** In place of `data`: gets whole CopyData messages that follow each other, with their heads. */
  run?(bytes: Buffer, start: number, end: number): void
  /** Called after all messages of a read from the socket; reading continues when the promise settles. */
  chunkDone?(): void | Promise<void>
}

export interface CopyBothStream {
  /** Resolves after `end`; rejects if the server ends the stream with an error or the connection is lost. */
  readonly done: Promise<void>
  /** Sends a CopyData payload. */
  send(payload: Uint8Array): void
  /**
   * Ends the stream; messages that are already on their way still reach the handler. The connection can be used for queries after
   * that, but not for another stream: PostgreSQL ends a second stream at once.
   */
  end(): Promise<void>
}

// One run of a statement of ours: from its first row to its command tag. Rows may be taken a few at a time (a portal
// with a row limit); in between the statement waits in `sendRows`, and whatever feeds it waits with it.

import { FeedError } from '../errors/feed-error.ts'
import type { LocalStatement, SessionControl } from './local-statement.ts'

export interface RunOptions {
  readonly statement: LocalStatement
  readonly parameters: readonly (string | null)[]
  readonly resultFormats: readonly number[]
  readonly session: SessionControl
  /** Takes bytes for the client; settles when it can take more. */
  readonly write: (bytes: Uint8Array) => Promise<void>
  readonly notice: (severity: 'NOTICE' | 'WARNING', message: string, hint?: string) => void
}

export type RunResult = { readonly tag: 'done'; readonly commandTag: string } | { readonly tag: 'suspended' }

export class LocalRun {
  readonly #options: RunOptions
  readonly #abort = new AbortController()
  readonly #end: Promise<string>
  /** Rows that may still go out; undefined: no limit. */
  #allowed: number | undefined = 0
  #suspended = Promise.withResolvers<void>()
  #mayGoOn = Promise.withResolvers<void>()
  isOver = false

  constructor(options: RunOptions) {
    this.#options = options
    const { statement, parameters, resultFormats, session, notice } = options
    this.#end = Promise.resolve().then(() =>
      statement.run({
        parameters,
        resultFormats,
        session,
        notice,
        sendRows: (bytes) => this.#send(bytes),
        signal: this.#abort.signal,
      }),
    )
    this.#end.then(
      () => (this.isOver = true),
      () => (this.isOver = true),
    )
  }

  /** Runs on until the end or until `maxRows` (0: no limit) have gone out. Throws what the statement throws. */
  async advance(maxRows: number): Promise<RunResult> {
    this.#allowed = maxRows === 0 ? undefined : maxRows
    this.#suspended = Promise.withResolvers()
    this.#mayGoOn.resolve()
    this.#mayGoOn = Promise.withResolvers()
    const suspended = this.#suspended.promise.then((): RunResult => ({ tag: 'suspended' }))
    const done = this.#end.then((commandTag): RunResult => ({ tag: 'done', commandTag }))
    return Promise.race([done, suspended])
  }

  abort(reason: FeedError): void {
    this.#abort.abort(reason)
    this.#mayGoOn.reject(reason)
    this.#mayGoOn.promise.catch(() => undefined)
  }

  async #send(bytes: Uint8Array): Promise<void> {
    let rest = bytes
    while (rest.length > 0) {
      if (this.#abort.signal.aborted) throw this.#abort.signal.reason
      if (this.#allowed === undefined) {
        await this.#options.write(rest)
        return
      }
      const end = behindRows(rest, this.#allowed)
      this.#allowed -= end.rows
      await this.#options.write(rest.subarray(0, end.offset))
      rest = rest.subarray(end.offset)
      if (this.#allowed === 0) {
        const { promise } = this.#mayGoOn
        this.#suspended.resolve()
        await promise
      }
    }
  }
}

/** Where at most `most` DataRow messages end. */
function behindRows(bytes: Uint8Array, most: number): { readonly offset: number; readonly rows: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let offset = 0
  let rows = 0
  while (rows < most && offset < bytes.length) {
    offset += 1 + view.getInt32(offset + 1)
    rows += 1
  }
  return { offset, rows }
}

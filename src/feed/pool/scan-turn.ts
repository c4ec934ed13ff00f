// The turn of one feed to read tables after a schema change, as its worker thread sees it (scan-turns.ts).

import { orAbort } from '../../async/or-abort.ts'

export interface ScanTurnOptions {
  /** Asks the main thread, which answers with `granted`. */
  readonly ask: () => void
  /** Gives the turn back. */
  readonly end: () => void
  readonly signal: AbortSignal
}

export class ScanTurn {
  readonly #options: ScanTurnOptions
  #asked: PromiseWithResolvers<void> | undefined
  #has = false

  constructor(options: ScanTurnOptions) {
    this.#options = options
  }

  /** Settles when it is the feed's turn. The result is disposed of when the tables are read. */
  readonly take = async (): Promise<Disposable> => {
    const asked = (this.#asked = Promise.withResolvers())
    this.#options.ask()
    await orAbort(asked.promise, this.#options.signal)
    return { [Symbol.dispose]: () => this.giveBack() }
  }

  granted(): void {
    this.#has = true
    this.#asked?.resolve()
  }

  /** Also called when the scan does not get on, because its client or sink takes nothing: it goes on, but others need not wait for it. */
  giveBack(): void {
    if (!this.#has) return
    this.#has = false
    this.#options.end()
  }
}

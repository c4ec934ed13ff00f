// The turn of one feed to open connections for a scan, as its worker thread sees it (scan-turns.ts).

import { orAbort } from '../../async/or-abort.ts'
import type { CutTurn } from '../../scan/cut-turn.ts'
import type { ScanReason } from '../scan/scan-request.ts'

export interface ScanTurnOptions {
  /** Asks the main thread, which answers with `granted`. */
  readonly ask: (reason: ScanReason) => void
  /** Gives the turn back. */
  readonly end: () => void
  readonly signal: AbortSignal
}

export class ScanTurn {
  readonly #options: ScanTurnOptions
  #asked: PromiseWithResolvers<void> | undefined
  /** Aborts when the feed has to give its turn back; undefined: it has none. */
  #had: AbortController | undefined

  constructor(options: ScanTurnOptions) {
    this.#options = options
  }

  get isHad(): boolean {
    return this.#had !== undefined
  }

  /** Settles when it is the feed's turn. The result is disposed of when the connections are closed. */
  readonly take = async (reason: ScanReason): Promise<CutTurn> => {
    const asked = (this.#asked = Promise.withResolvers())
    this.#options.ask(reason)
    await orAbort(asked.promise, this.#options.signal)
    const had = (this.#had = new AbortController())
    return { taken: had.signal, [Symbol.dispose]: () => this.#giveBack(had) }
  }

  granted(): void {
    this.#asked?.resolve()
  }

  /** Called when another feed waits for the turn. The scan closes its connections, and then gives the turn back. */
  wanted(): void {
    this.#had?.abort()
  }

  #giveBack(turn: AbortController): void {
    if (this.#had !== turn) return
    this.#had = undefined
    this.#options.end()
  }
}

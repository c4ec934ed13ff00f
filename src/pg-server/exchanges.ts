// Queries and Syncs of our own on the connection of a session. They run one at a time, each when the server owes no answer.

import { Serial } from '../async/serial.ts'
import { flushMessage } from '../wire/frontend-messages.ts'
import type { Exchange, LinkPhase } from './link-phase.ts'
import type { LinkState } from './link-state.ts'
import type { PositionMap } from './local-statement.ts'

export interface SentExchange {
  readonly bytes: Buffer
  /** The kind of the answer that the server will owe, a value of `reply`. */
  readonly kind: number
  /** Translates the position of an error in the answer. */
  readonly positions?: PositionMap | undefined
  /** Returns the phase in which the answer is read. */
  readonly phase: (exchange: Exchange) => LinkPhase
}

export class Exchanges {
  readonly #state: LinkState
  readonly #send: (bytes: Uint8Array) => void
  readonly #serial = new Serial()

  constructor(state: LinkState, send: (bytes: Uint8Array) => void) {
    this.#state = state
    this.#send = send
  }

  /** Settles when the server owes no answer, and asks the server for answers that it has not flushed. */
  async settled(): Promise<void> {
    const state = this.#state
    while (!state.isSettled) {
      if (state.phase.tag === 'over') throw state.whyOver
      if (!state.expectations.endsReady) this.#send(flushMessage)
      await state.settling()
    }
  }

  /** Runs an exchange. Settles at the ReadyForQuery of the answer, and throws the first error of the answer. */
  run({ bytes, kind, positions, phase }: SentExchange): Promise<void> {
    const state = this.#state
    return this.#serial.run(async () => {
      await this.settled()
      if (state.phase.tag === 'over') throw state.whyOver
      const exchange: Exchange = { error: undefined, done: Promise.withResolvers() }
      state.enter(phase(exchange))
      state.expectations.add(kind, positions)
      this.#send(bytes)
      await exchange.done.promise
      if (exchange.error !== undefined) throw exchange.error
    })
  }
}

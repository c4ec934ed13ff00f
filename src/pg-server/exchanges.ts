// Queries and Syncs of our own on a session's connection: one at a time, each when the server owes nothing more.

import { flushMessage } from '../wire/frontend-messages.ts'
import type { Exchange, LinkPhase } from './link-phase.ts'
import type { LinkState } from './link-state.ts'
import type { Place } from './local-statement.ts'

export interface SentExchange {
  readonly bytes: Buffer
  /** Of `reply`: what the server owes for it. */
  readonly kind: number
  /** Where the positions of an error in the answer lie. */
  readonly place?: Place | undefined
  /** Returns the phase in which the answer is read. */
  readonly phase: (exchange: Exchange) => LinkPhase
}

export class Exchanges {
  readonly #state: LinkState
  readonly #send: (bytes: Uint8Array) => void
  /** Settles when the last exchange is over. */
  #end: Promise<unknown> = Promise.resolve()

  constructor(state: LinkState, send: (bytes: Uint8Array) => void) {
    this.#state = state
    this.#send = send
  }

  /** Settles when the server owes nothing; asks it to say what it holds back. */
  async settled(): Promise<void> {
    const state = this.#state
    while (!state.isSettled) {
      if (state.phase.tag === 'over') throw state.whyOver
      if (!state.expectations.endsReady) this.#send(flushMessage)
      await state.settling()
    }
  }

  /** Settles with the ReadyForQuery of the answer. Throws the first error of the answer. */
  async run({ bytes, kind, place, phase }: SentExchange): Promise<void> {
    const state = this.#state
    const before = this.#end
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#end = promise
    try {
      await before
      await this.settled()
      if (state.phase.tag === 'over') throw state.whyOver
      const exchange: Exchange = { error: undefined, done: Promise.withResolvers() }
      state.enter(phase(exchange))
      state.expectations.add(kind, place)
      this.#send(bytes)
      await exchange.done.promise
      if (exchange.error !== undefined) throw exchange.error
    } finally {
      resolve()
    }
  }
}

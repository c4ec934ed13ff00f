// The token that the connections of a sink share. However many connections wait for it, it is requested once. It is kept until
// most of its life is over, and used until its end while no new one is available.

import { FeedError } from '../../errors/feed-error.ts'
import type { SinkLog } from '../sink-facts.ts'
import { TokenEndpoint, type Token, type TokenEndpointOptions } from './token-endpoint.ts'

/** How long the endpoint may take. It is less than the time that a connection waits until it has authenticated. */
const askMs = 8000
/** The part of a token's life after which a new one is requested. A connection needs it when four fifths of its session are over. */
const renewPart = 0.75
/** The life that a token must have left: brokers refuse to authenticate a connection twice in a second, and count in whole seconds. */
const leftMs = 3000
/** The life of a token that does not say how long it is valid. */
const unknownLifetimeMs = 60_000
/** While there is a token, an endpoint that failed is not asked again before this time is over. */
const pauseMs = 5000

interface Held {
  readonly value: string
  readonly renewAtMs: number
  readonly expiresAtMs: number
}

export interface TokenSourceOptions extends Omit<TokenEndpointOptions, 'withinMs'> {
  readonly log: SinkLog
  readonly withinMs?: number
}

export class TokenSource implements Disposable {
  readonly #endpoint: TokenEndpoint
  readonly #log: SinkLog
  readonly #closed = new AbortController()
  #held: Held | undefined
  #asking: Promise<string> | undefined

  constructor({ log, withinMs = askMs, ...endpoint }: TokenSourceOptions) {
    this.#endpoint = new TokenEndpoint({ ...endpoint, withinMs })
    this.#log = log
  }

  /** Returns a token that is valid for some time. */
  get(): Promise<string> {
    if (this.#held !== undefined && performance.now() < this.#held.renewAtMs) return Promise.resolve(this.#held.value)
    this.#asking ??= this.#renew().finally(() => (this.#asking = undefined))
    return this.#asking
  }

  /** Called when the brokers refused the token. The next connection gets a new one. */
  forget(): void {
    this.#held = undefined
  }

  [Symbol.dispose](): void {
    this.#closed.abort(new FeedError('FEED_STATE', 'the sink is closed'))
  }

  async #renew(): Promise<string> {
    try {
      return this.#hold(await this.#endpoint.ask(this.#closed.signal))
    } catch (error) {
      const held = this.#held
      const nowMs = performance.now()
      if (held === undefined || nowMs >= held.expiresAtMs || this.#closed.signal.aborted) throw error
      this.#log('warn', `${(error as Error).message}; the token at hand is used on`)
      this.#held = { ...held, renewAtMs: Math.min(nowMs + pauseMs, held.expiresAtMs) }
      return held.value
    }
  }

  #hold({ value, lifetimeMs = unknownLifetimeMs }: Token): string {
    const nowMs = performance.now()
    const freshMs = Math.max(Math.min(lifetimeMs * renewPart, lifetimeMs - leftMs), 0)
    this.#held = { value, renewAtMs: nowMs + freshMs, expiresAtMs: nowMs + lifetimeMs }
    return value
  }
}

// Counts the requests that each route has to answer, and knows which routes asked for a pause.

import { setTimeout as delay } from 'node:timers/promises'

interface Route {
  requests: number
  /** Pauses that are not over yet. */
  pauses: number
}

export class Routes {
  readonly #perRoute: number
  readonly #routes = new Map<number, Route>()
  #pauses = 0

  /** `perRoute`: requests to one route at the same time. */
  constructor(perRoute: number) {
    this.#perRoute = perRoute
  }

  /** A route has asked for a pause that is not over. */
  get isPausing(): boolean {
    return this.#pauses > 0
  }

  /** The route has asked for a pause that is not over. */
  isPaused(id: number): boolean {
    return this.#route(id).pauses > 0
  }

  /** Returns how many more requests may be sent to the route now. */
  free(id: number): number {
    const { requests, pauses } = this.#route(id)
    return pauses > 0 ? 0 : this.#perRoute - requests
  }

  begin(id: number): void {
    this.#route(id).requests += 1
  }

  end(id: number): void {
    this.#route(id).requests -= 1
  }

  /** Sends nothing to the route for so long. Settles when the pause is over, or when the signal aborts. */
  async pause(id: number, ms: number, signal: AbortSignal): Promise<void> {
    const route = this.#route(id)
    route.pauses += 1
    this.#pauses += 1
    // When the signal aborts nothing is sent any more.
    await delay(ms, undefined, { signal }).catch(() => undefined)
    route.pauses -= 1
    this.#pauses -= 1
  }

  #route(id: number): Route {
    let route = this.#routes.get(id)
    if (route === undefined) this.#routes.set(id, (route = { requests: 0, pauses: 0 }))
    return route
  }
}

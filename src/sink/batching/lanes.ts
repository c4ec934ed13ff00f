// The lanes of a sink, which share a memory budget and the memory of delivered batches.

import { Backlog } from './backlog.ts'
import { Lane, type BatchLimits } from './lane.ts'
import type { BatchBody } from './lane-client.ts'
import { SpareBodies } from './spare-bodies.ts'

export interface LanesOptions<Body> {
  readonly newBody: () => Body
  readonly limits: BatchLimits
  /** The sink takes no further messages while its lanes hold more bytes than this. */
  readonly budgetBytes: number
  /** Nor while they hold more messages than this; undefined: any number. */
  readonly budgetMessages?: number
}

export class Lanes<Place, Body extends BatchBody<Body>> {
  readonly backlog: Backlog<Lane<Place, Body>>
  readonly #spares: SpareBodies<Body>
  readonly #limits: BatchLimits

  constructor({ newBody, limits, budgetBytes, budgetMessages }: LanesOptions<Body>) {
    this.backlog = new Backlog({ bytes: budgetBytes, messages: budgetMessages })
    this.#spares = new SpareBodies(newBody)
    this.#limits = limits
  }

  make(place: Place, route: number): Lane<Place, Body> {
    return new Lane({ place, route, spares: this.#spares, backlog: this.backlog, limits: this.#limits })
  }
}

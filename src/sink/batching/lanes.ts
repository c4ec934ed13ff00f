// The lanes of a sink, which share a memory budget and the memory of delivered batches.

import { feedMeter, type FeedMeter } from '../../core/feed-meter.ts'
import { Backlog } from './backlog.ts'
import { Lane, type Emitting } from './lane.ts'
import type { BatchBody, BatchLimits } from './lane-client.ts'
import { SpareBodies } from './spare-bodies.ts'

export interface LanesOptions<Body> {
  readonly newBody: () => Body
  readonly limits: BatchLimits
  /** The sink takes no further messages while its lanes hold more bytes than this. */
  readonly budgetBytes: number
  /** Nor while they hold more messages than this; undefined: any number. */
  readonly budgetMessages?: number
  /** Counts what is delivered. */
  readonly meter?: FeedMeter | undefined
}

export class Lanes<Place, Body extends BatchBody<Body>> {
  readonly backlog: Backlog<Lane<Place, Body>>
  readonly #spares: SpareBodies<Body>
  readonly #limits: BatchLimits
  /** Counts what is delivered by all lanes. */
  readonly meter: FeedMeter
  /** Set before messages are added to lanes. */
  readonly emitting: Emitting = { committedMs: Number.NaN }

  constructor({ newBody, limits, budgetBytes, budgetMessages, meter = feedMeter() }: LanesOptions<Body>) {
    this.meter = meter
    this.backlog = new Backlog({ bytes: budgetBytes, messages: budgetMessages })
    this.#spares = new SpareBodies(newBody)
    this.#limits = limits
  }

  make(place: Place, route: number): Lane<Place, Body> {
    const { backlog, meter, emitting } = this
    return new Lane({ place, route, spares: this.#spares, backlog, limits: this.#limits, meter, emitting })
  }
}

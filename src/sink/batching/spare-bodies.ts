// The bodies of delivered batches, which are filled again, so that memory is not allocated for every batch.

import type { BatchBody } from './lane-client.ts'

/** Spare bodies that are kept, over all lanes of a sink. */
const maxSpares = 16
/** A body that one large message has made larger is not kept. */
const maxSpareBytes = 2 * 1024 * 1024

export class SpareBodies<Body extends BatchBody<Body>> {
  readonly #spares: Body[] = []
  readonly #make: () => Body

  constructor(make: () => Body) {
    this.#make = make
  }

  /** Returns an empty body. */
  take(): Body {
    return this.#spares.pop() ?? this.#make()
  }

  /** Keeps the body of a delivered batch. */
  give(body: Body): void {
    if (this.#spares.length >= maxSpares || body.capacity > maxSpareBytes) return
    body.clear()
    this.#spares.push(body)
  }
}

// The bodies of delivered batches, which are filled again, so that memory is not allocated for every batch.

import type { BatchBody } from './lane-client.ts'

/** Memory of spare bodies that is kept, over all lanes of a sink. Sinks with many lanes have many small bodies. */
const maxSparesBytes = 16 * 1024 * 1024
/** A body that one large message has made larger is not kept. */
const maxSpareBytes = 2 * 1024 * 1024

export class SpareBodies<Body extends BatchBody<Body>> {
  readonly #spares: Body[] = []
  #bytes = 0
  readonly #make: () => Body

  constructor(make: () => Body) {
    this.#make = make
  }

  /** Returns an empty body. */
  take(): Body {
    const spare = this.#spares.pop()
    if (spare === undefined) return this.#make()
    this.#bytes -= spare.capacity
    return spare
  }

  /** Keeps the body of a delivered batch. */
  give(body: Body): void {
    if (body.capacity > maxSpareBytes || this.#bytes + body.capacity > maxSparesBytes) return
    body.clear()
    this.#spares.push(body)
    this.#bytes += body.capacity
  }
}

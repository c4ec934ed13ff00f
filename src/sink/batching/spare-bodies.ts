// Batches that were delivered and can be filled again.

import { RecordBatch } from '../kafka/record-batch.ts'

/** Spare batches kept for reuse, over all partitions. */
const maxSpares = 16
/** A batch that one large message made larger is let go. */
const maxSpareBytes = 2 * 1024 * 1024

export class BatchPool {
  readonly #spares: RecordBatch[] = []
  readonly #headers: Uint8Array

  /** `headers`: as `RecordBatch` takes them. */
  constructor(headers: Uint8Array) {
    this.#headers = headers
  }

  take(): RecordBatch {
    return this.#spares.pop() ?? new RecordBatch(undefined, this.#headers)
  }

  give(batch: RecordBatch): void {
    if (this.#spares.length >= maxSpares || batch.capacity > maxSpareBytes) return
    batch.clear()
    this.#spares.push(batch)
  }
}

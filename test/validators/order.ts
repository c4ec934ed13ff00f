// Per key, new row timestamps arrive in order; nothing new arrives below a resolved timestamp of its partition; a key
// never moves between partitions. Seeing an old timestamp *again* is allowed: delivery is at least once.
//
// CockroachDB's own validator lets a new row pass that lies exactly at a resolved timestamp, though its documentation
// promises more. `strict` holds a feed to the documentation: at or below fails.

import { compareHlc, formatHlc, laterHlc, zeroHlc, type Hlc } from '../../src/core/hlc.ts'
import type { RowNote, Validator } from './validator.ts'

export class OrderValidator implements Validator {
  readonly #strict: boolean
  readonly #failures: string[] = []
  readonly #partitionOfKey = new Map<string, string>()
  /** Timestamps seen per key, ascending. */
  readonly #seen = new Map<string, Hlc[]>()
  readonly #resolved = new Map<string, Hlc>()

  constructor(options: { readonly strict?: boolean } = {}) {
    this.#strict = options.strict ?? false
  }

  noteRow({ partition, topic, key, updated }: RowNote): void {
    const identity = `${topic} ${key}`
    const home = this.#partitionOfKey.get(identity)
    if (home !== undefined && home !== partition) {
      this.#failures.push(`key [${key}] received on two partitions: ${home} and ${partition}`)
      return
    }
    this.#partitionOfKey.set(identity, partition)

    let seen = this.#seen.get(identity)
    if (seen === undefined) this.#seen.set(identity, (seen = []))
    const index = lowerBound(seen, updated)
    const atIndex = seen[index]
    if (atIndex !== undefined && compareHlc(atIndex, updated) === 0) return

    const where = `topic ${topic} partition ${partition}: saw new row timestamp ${formatHlc(updated)}`
    const last = seen.at(-1)
    if (last !== undefined && compareHlc(updated, last) < 0) {
      this.#failures.push(`${where} after ${formatHlc(last)} was seen`)
    }
    const resolved = this.#resolved.get(partition) ?? zeroHlc
    const order = compareHlc(updated, resolved)
    if (order < 0 || (this.#strict && order === 0)) {
      this.#failures.push(`${where} after ${formatHlc(resolved)} was resolved`)
    }
    seen.splice(index, 0, updated)
  }

  noteResolved(partition: string, ts: Hlc): void {
    this.#resolved.set(partition, laterHlc(ts, this.#resolved.get(partition) ?? zeroHlc))
  }

  failures(): readonly string[] {
    return this.#failures
  }
}

/** Index of the first element at or above `ts`. */
function lowerBound(sorted: readonly Hlc[], ts: Hlc): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareHlc(sorted[middle] as Hlc, ts) < 0) low = middle + 1
    else high = middle
  }
  return low
}

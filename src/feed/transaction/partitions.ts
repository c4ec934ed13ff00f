// Which tables are partitions of the targets of a feed. The rows of a partitioned table stand in the log under the oids of its
// leaves, and the description of a leaf names its ancestors. A table counts as a possible partition from the moment at which any
// description has said so: its rows are listed then, and who reads one asks whether it is a partition at this place of the log
// (change-reader.ts).

import type { LogBlock } from '../../changelog/changelog.ts'
import { lengthBytes, record, recordEnd, tagBytes } from '../../changelog/records.ts'
import type { TableDescription } from '../../core/table.ts'
import { readDescription } from '../../decode/schema-history.ts'

const word = Buffer.from('"ancestors"')

export class Partitions {
  readonly #targets: ReadonlySet<number>
  readonly #possible = new Set<number>()
  readonly #tables: number[]

  constructor(targets: Iterable<number>) {
    this.#targets = new Set(targets)
    this.#tables = [...this.#targets]
  }

  /** The targets and the possible partitions. The list grows as these become known. */
  get tables(): readonly number[] {
    return this.#tables
  }

  get possible(): Iterable<number> {
    return this.#possible
  }

  /** How many possible partitions are known. */
  get count(): number {
    return this.#possible.size
  }

  /** Whether the table is a target, or a possible partition of one. */
  readonly isTarget = (relid: number): boolean => this.#targets.has(relid) || this.#possible.has(relid)

  isOwn(relid: number): boolean {
    return this.#targets.has(relid)
  }

  mentionedIn(block: Pick<LogBlock, 'mentions'>): boolean {
    return this.#tables.some((relid) => block.mentions(relid))
  }

  /** Returns the target that has the rows of a table with this description. */
  targetOf(description: TableDescription | undefined): number | undefined {
    if (description === undefined || description.dropped === true) return undefined
    if (this.#targets.has(description.relid)) return description.relid
    return description.ancestors?.find((relid) => this.#targets.has(relid))
  }

  /** Called with each block that has schema records, before its rows are listed. */
  learn(payload: Buffer): void {
    for (let at = 0; at < payload.length;) {
      const start = at + lengthBytes
      at = recordEnd(payload, start)
      if (payload[start] !== record.schema || !payload.subarray(start, at).includes(word)) continue
      const description = readDescription(payload, start + tagBytes, at)
      const target = this.targetOf(description)
      if (target === undefined || this.isTarget(description.relid)) continue
      this.#possible.add(description.relid)
      this.#tables.push(description.relid)
    }
  }
}

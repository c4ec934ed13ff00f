// Finds in the changelog what ends a feed: a table of it that was dropped or truncated, and changes that are missing. Each throws.

import type { FeedTarget } from '../../core/feed-spec.ts'
import { compareHlc, type Hlc } from '../../core/hlc.ts'
import type { SchemaHistory } from '../../decode/schema-history.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { Partitions } from '../transaction/partitions.ts'
import { truncatedTable } from '../transaction/truncated-table.ts'
import type { TransactionChanges } from './schema-changes.ts'

export interface EndsOptions {
  readonly schemas: SchemaHistory
  readonly partitions: Partitions
  readonly targets: readonly FeedTarget[]
  /** Changes at or below this time are not emitted. */
  readonly after: Hlc
}

export class Ends {
  readonly #schemas: SchemaHistory
  readonly #partitions: Partitions
  readonly #targets: readonly FeedTarget[]
  readonly #after: Hlc
  /** The version of the schemas when they were last checked for dropped tables. */
  #checkedVersion = 0

  constructor({ schemas, partitions, targets, after }: EndsOptions) {
    this.#schemas = schemas
    this.#partitions = partitions
    this.#targets = targets
    this.#after = after
  }

  /** A table of the feed was dropped. */
  checkDropped(): void {
    const schemas = this.#schemas
    if (schemas.version === this.#checkedVersion) return
    this.#checkedVersion = schemas.version
    for (const { relid } of this.#targets) {
      if (schemas.relation(relid)?.description.dropped === true) throw this.#ended('FEED_DROPPED', relid, 'was dropped')
    }
  }

  /** A feed that starts at `through` or later misses nothing. */
  gap(through: Hlc, reason: string): void {
    if (compareHlc(through, this.#after) <= 0) return
    throw new FeedError('FEED_GAP', `changes are missing: ${reason}`, {
      hint: 'start the changefeed again with an initial scan',
    })
  }

  /** The transaction at `ts` has made a table a partition, and changes of it may have been passed over. */
  checkPassedOver({ passedOver, unlogged }: TransactionChanges, ts: Hlc): void {
    if (passedOver !== undefined)
      this.gap(
        ts,
        `partition "${passedOver}" was attached, and which of its changes at about the same time came after that cannot be told`,
      )
    if (unlogged !== undefined)
      this.gap(
        ts,
        `the rows of table "${unlogged}", which no publication names, are in another file, so it may have been unlogged meanwhile (SET UNLOGGED)`,
      )
  }

  /** A table of the feed was truncated. */
  checkTruncated(part: Parameters<typeof truncatedTable>[0]): void {
    const found = truncatedTable(part, this.#schemas, this.#partitions)
    if (found === undefined) return
    const { target, partition } = found
    const which = partition === undefined ? '' : `partition ${partition} of `
    throw this.#ended('FEED_TRUNCATED', target, 'was truncated', which)
  }

  #ended(code: 'FEED_TRUNCATED' | 'FEED_DROPPED', relid: number, what: string, which = ''): FeedError {
    return new FeedError(code, `${which}"${this.nameOf(relid)}" ${what}`)
  }

  /** The name of a target. */
  nameOf(relid: number): string {
    return this.#targets.find((target) => target.relid === relid)?.tableName ?? String(relid)
  }
}

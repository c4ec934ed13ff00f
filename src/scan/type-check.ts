// Finds changes of types while rows are read that consist of them. Where nothing of ours is installed, nobody can keep a type from
// being changed: a lock on a type takes its ownership. Such a change respects no snapshot: rows that COPY prints after it have
// another composition than the scan knows, in the middle of a range of pages.
//
// So the rows of a range of such a table are kept until the range is read, and then the catalogue is read: a change that COPY could
// see was committed before, and the transaction that made it has left its number in the rows of the types. If there is none, every
// row was printed with the known types. Otherwise none of the kept rows is used, and the scan makes a new cut.

import { FeedError } from '../errors/feed-error.ts'
import { openRawConnection, type RawConnection } from '../postgres/raw-connection.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { readFacts, type TableFacts } from './table-facts.ts'

export class TypeCheck implements AsyncDisposable {
  readonly #source: SourceConnection
  readonly #facts: ReadonlyMap<number, TableFacts>
  /** One check at a time uses the connection. */
  #last: Promise<unknown> = Promise.resolve()
  #connection: RawConnection | undefined
  /** A type was changed: the cut cannot be read any further. */
  hasChanged = false

  constructor(source: SourceConnection, facts: ReadonlyMap<number, TableFacts>) {
    this.#source = source
    this.#facts = facts
  }

  /** Whether the types of a table may change while its rows are read. */
  isNeeded(relid: number): boolean {
    return this.#facts.get(relid)?.hasFreeTypes === true
  }

  /** Throws if a type of the table was changed since the cut was made. */
  check(relid: number): Promise<void> {
    const result = this.#last.then(() => this.#check(relid))
    this.#last = result.catch(() => undefined)
    return result
  }

  async #check(relid: number): Promise<void> {
    const known = this.#facts.get(relid)
    const [table] = known?.tables ?? []
    const tableName = (table?.root ?? table?.description)?.name ?? ''
    this.#connection ??= await openRawConnection({ source: this.#source })
    const now = await readFacts(this.#connection, this.#source, [{ relid, tableName, leaves: [] }])
    // A partition has no types that its partitioned table does not have.
    if (now.get(relid)?.ownFingerprint === known?.ownFingerprint) return
    this.hasChanged = true
    throw new FeedError('FEED_SOURCE_DOWN', `a type of table "${tableName}" was changed while its rows were read`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last
    await this.#connection?.close()
  }
}

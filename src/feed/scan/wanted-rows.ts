// The rows that a scan wants: of which tables, as of which time. Each cut of the scan is later than this time, and shows other
// rows. Where the log does not say what the rows were at the time, the scan moves to the time of its cut.

import type { FeedTarget } from '../../core/feed-spec.ts'
import { compareHlc, earlierHlc, formatHlc, prevHlc, type Hlc } from '../../core/hlc.ts'
import type { ScannedTable } from '../../core/job-progress.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { formatOfName } from '../../encode/format-names.ts'
import { catchUp } from '../follow/following.ts'
import type { Output } from '../output/open-output.ts'
import type { Feed } from '../phases.ts'
import { ThreadShare } from '../share-thread.ts'
import { RowsAtChange, type KnownTables } from './rows-at-change.ts'
import { RowsAtCursor } from './rows-at-cursor.ts'
import type { CutTables, RowsAsOf } from './rows-as-of.ts'
import type { ScannedTarget, ScanRequest } from './scan-request.ts'
import { tablesSince, type TablesSince } from './tables-since.ts'

export type Found =
  /** The rows of the cut are to be read. */
  | { readonly tag: 'rows'; readonly at: Hlc }
  /** The log does not hold what the rows were. */
  | { readonly tag: 'lacking'; readonly why: FeedError }

export type Moved =
  /** The rows of the cut are to be read. */
  | { readonly tag: 'rows'; readonly at: Hlc }
  /** The scan needs another cut. */
  | { readonly tag: 'again' }
  /** The feed has reached its end time before the cut. */
  | { readonly tag: 'end'; readonly at: Hlc }

/** The log does not hold what the scan needs. */
const lacking: ReadonlySet<string> = new Set(['FEED_ROW', 'FEED_STATE', 'FEED_GAP'])

export class WantedRows implements Disposable {
  readonly #feed: Feed
  readonly #request: ScanRequest
  readonly #maxBytes: number | undefined
  readonly #threadShare = new ThreadShare()
  /** Keeps the messages of rows that have changed since the wanted time until the other rows are emitted. */
  #stash: Output
  #at: Hlc | undefined
  /** What the log lacked when it was read ahead. */
  #lacking: FeedError | undefined
  /** Set if the scan has moved away from the schema change that it is for. */
  #known: KnownTables | undefined
  tables: readonly ScannedTarget[]
  /** The pages that are emitted. */
  done: readonly ScannedTable[]
  /** Knows which rows of the cut are those that are wanted; undefined: all are. */
  rows: RowsAsOf | undefined

  /** `maxBytes`: the most memory that the keys of changed rows may take; for tests. */
  constructor(feed: Feed, request: ScanRequest, maxBytes?: number) {
    this.#feed = feed
    this.#request = request
    this.#maxBytes = maxBytes
    this.#at = request.at
    this.tables = request.tables
    this.done = request.done
    this.#stash = this.#openStash()
  }

  /** Reads what the log has by now, so that little is left to read while a cut is held. */
  async readAhead(): Promise<void> {
    if (this.#request.reason === 'initial' || this.#at === undefined) return
    this.rows ??= this.#open(this.#at)
    const head = { wall: this.#feed.run.log.status.resolvedWall, logical: 0 }
    if (compareHlc(head, this.#at) > 0) this.#lacking = await this.#lack(this.rows.readLog(head))
  }

  async find(cut: CutTables): Promise<Found> {
    const { time } = cut
    const at = earlierHlc(this.#at ?? time, time)
    this.#at = at
    if (this.#request.reason === 'initial' && this.rows === undefined && compareHlc(at, time) >= 0) {
      return { tag: 'rows', at }
    }
    this.rows ??= this.#open(at)
    const why = this.#lacking ?? (await this.#lack(this.rows.readTo(cut)))
    return why === undefined ? { tag: 'rows', at } : { tag: 'lacking', why }
  }

  /** Moves the scan to the time of the cut. */
  async moveTo(cut: CutTables, why: FeedError): Promise<Moved> {
    const { time } = cut
    const { run } = this.#feed
    const { log, signal, spec } = run
    const { reason } = this.#request
    const at = this.#at as Hlc
    const { rows } = this
    rows?.[Symbol.dispose]()
    this.#stash = this.#openStash()
    this.rows = undefined
    this.#lacking = undefined
    const because =
      reason === 'initial' ? 'that snapshot is gone, and the log does not hold what rows were then' : why.message
    // When a row was emitted, so must be its deletion. A feed that ends with its scan, and has emitted nothing yet, just begins later.
    const hasToCatchUp = this.done.length > 0 || spec.initialScan !== 'only'
    if (hasToCatchUp && formatOfName(spec.format).isScanOnly === true) {
      throw new FeedError('FEED_ROW', `the rows as of ${formatHlc(at)} cannot be read to their end: ${because}`, {
        hint: `remove the part of them that was emitted: format=${spec.format} has no message that says which of these rows were changed or deleted since`,
      })
    }
    run.waiting?.(`scanning its tables as of ${formatHlc(time)} instead of ${formatHlc(at)}: ${because}`)
    // The transaction of the schema change itself comes after the rows of the change, and those are not emitted now.
    const after = reason === 'backfill' && this.#known === undefined ? prevHlc(at) : at
    const { endTime } = spec
    if (reason === 'backfill' && endTime !== undefined && compareHlc(time, endTime) > 0) {
      await catchUp(this.#feed, { after, through: endTime, readsAgain: false })
      return { tag: 'end', at: endTime }
    }
    const yieldThread = (): Promise<void> => this.#threadShare.yieldIfDue()
    const since = await tablesSince({ log, spec, after: at, through: time, yieldThread, signal })
    if (hasToCatchUp) await catchUp(this.#feed, { after, through: time, readsAgain: true })
    // The changes in between were emitted, and no schema change among them has made the feed read its tables again.
    this.done = this.done.filter(({ relid, root = relid }) => !since.changed.has(root) && !since.attached.has(relid))
    this.#at = time
    if (!(rows instanceof RowsAtChange)) return { tag: 'rows', at: time }
    const descriptions = new Map(since.at)
    for (const { description, root = description } of cut.tables.values()) descriptions.set(root.relid, root)
    this.#known = { before: new Map([...since.changed, ...rows.before]), at: descriptions }
    this.tables = withChanged(this.tables, spec.targets, since)
    return { tag: 'again' }
  }

  /** Emits, as they were logged, the rows of the transaction of the schema change that nobody else emits as of its end. */
  async emitMissed(): Promise<void> {
    const { rows } = this
    const at = this.#request.at
    if (!(rows instanceof RowsAtChange) || at === undefined || this.#known !== undefined) return
    const onlyMissed = rows.isMissed
    if (onlyMissed !== undefined) {
      await catchUp(this.#feed, { after: prevHlc(at), through: at, readsAgain: true, onlyMissed })
    }
  }

  /** Emits the old rows that the log had. */
  emitStash(): Promise<void> {
    return this.#feed.delivery.emitBatch(this.#stash.messages.batch)
  }

  [Symbol.dispose](): void {
    this.rows?.[Symbol.dispose]()
  }

  #openStash(): Output {
    const { run, delivery } = this.#feed
    return delivery.openOutput(run.signal, async () => undefined)
  }

  /** Returns the error that says what the log lacks; throws any other. */
  async #lack(reading: Promise<void>): Promise<FeedError | undefined> {
    const { reason, isExact } = this.#request
    try {
      await reading
      return undefined
    } catch (error) {
      const isLacking = error instanceof FeedError && lacking.has(error.code)
      if (!isLacking || isExact || (reason === 'initial' && error.code === 'FEED_GAP')) throw error
      return error
    }
  }

  #open(at: Hlc): RowsAsOf {
    const { run } = this.#feed
    const { log, signal, spec } = run
    const stash = this.#stash
    stash.changes.stamp(at)
    const yieldThread = (): Promise<void> => this.#threadShare.yieldIfDue()
    if (this.#request.reason === 'initial') {
      return new RowsAtCursor({ log, targets: spec.targets, cursor: at, stash, yieldThread, signal })
    }
    return new RowsAtChange({
      log,
      tables: this.tables,
      topics: new Map(spec.targets.map(({ relid }, index) => [relid, index])),
      at,
      known: this.#known,
      diff: spec.diff,
      stash,
      emitStash: () => this.emitStash(),
      leftOut: ({ tableName }, since) =>
        run.waiting?.(
          `leaving out the rows that table "${tableName}" had at ${formatHlc(at)}: a schema change at ${formatHlc(since)} has changed them all, and they are emitted as of then`,
        ),
      yieldThread,
      signal,
      maxBytes: this.#maxBytes,
    })
  }
}

/** Adds the tables that were changed, and the partitions that were attached. */
function withChanged(
  tables: readonly ScannedTarget[],
  targets: readonly FeedTarget[],
  { changed, attached }: Pick<TablesSince, 'changed' | 'attached'>,
): readonly ScannedTarget[] {
  return targets.flatMap((target) => {
    const scanned = tables.find(({ relid }) => relid === target.relid)
    if (changed.has(target.relid)) return [target]
    if (scanned !== undefined && scanned.leaves === undefined) return [scanned]
    const leaves = new Set(scanned?.leaves)
    for (const [leaf, root] of attached) if (root === target.relid) leaves.add(leaf)
    return leaves.size === 0 ? [] : [{ ...target, leaves: [...leaves] }]
  })
}

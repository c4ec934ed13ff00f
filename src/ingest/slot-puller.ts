// Follows a slot where our role gets no connection for replication: by bulk pulls with SQL functions, again and again. It is asked for
// what SlotStream is asked for, and promises the same.
//
// A pull is made only if the WAL has grown; otherwise it is only checked that the slot is still there. Every pull decodes again from
// where the slot must restart, so pulls take at most half of the time, unless the slot is behind or a scan waits, and come seldom while they
// bring nothing. An open transaction that has written holds that position: then pulls take long and bring little, and the source rests for longer.
//
// The position at which the next record will begin is asked for with the flush position. When all before it is flushed and pulled, it
// stands in the log: nothing is written to the source for that, unless somebody waits and PostgreSQL has not flushed it yet.

import { parseLsn, zeroLsn, type Lsn } from '../core/lsn.ts'
import { FeedError } from '../errors/feed-error.ts'
import { compareHlc } from '../core/hlc.ts'
import { boundarySql, flushedMark } from '../postgres/flushed-mark.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import type { AttemptParts } from './attempt-parts.ts'
import { slotIsKeptSql, slotMoved } from './bulk-pull.ts'
import { advance, noteRunningSql } from './move-slot.ts'
import type { ClockProbes } from './clock-probe.ts'
import { Pulls, type PulledPart } from './pulls.ts'
import { isOfDecoding } from './remedy.ts'
import { stampClosed } from './stamp.ts'

/** The pause between two pulls: when rows come, when none come, and when there is no feed. */
const pauseMs = { least: 50, most: 500, withoutFeeds: 5000 }
const pauseGrowth = 1.5
/** A pull that takes so long, and brings fewer messages than these, has decoded once more what others have brought. */
const costly = { ms: 250, messages: 1000 }
const restAfterCostly = { times: 3, mostMs: 2000 }
/** The slot is moved after so many messages, after so long if there were fewer, and after so long if there were none. */
const advanceAfter = { messages: 1000, ms: 1000, quietMs: 10_000 }
/** How much WAL is worth a record of the running transactions, from which the slot restarts. */
const noteEveryBytes = 4n * 1024n * 1024n

export interface SlotPullerOptions extends AttemptParts {
  readonly probes: ClockProbes
  readonly closedTargetMs: () => number
  readonly feeds: () => number
  readonly replace: (connection: RawConnection) => Promise<RawConnection>
}

export class SlotPuller {
  readonly #options: SlotPullerOptions
  readonly #pulls: Pulls
  #received: Lsn
  /** Where the next record was going to begin, at the last question. */
  #inserted: Lsn = zeroLsn
  /** The last position between two records before which everything has been pulled. */
  #boundary: Lsn = zeroLsn
  #notedAt: Lsn = zeroLsn
  #pauseMs: number = pauseMs.least
  #advancedAtMs = 0
  #messagesSinceAdvance = 0
  /** What the last pull took, and brought. */
  #last = { ms: 0, messages: 0 }
  #wake: (() => void) | undefined
  #isAsked = false
  #isOver = false

  constructor(options: SlotPullerOptions) {
    this.#options = options
    this.#pulls = new Pulls({ ...options, connection: options.replication })
    const { history, writer } = options
    this.#received = history.isChecked ? writer.endLsn : history.start
  }

  /** Every commit that starts before it has arrived. */
  get received(): Lsn {
    return this.#received
  }

  /** `done` rejects when a pull fails. */
  start(): Promise<{ readonly done: Promise<void>; readonly end: () => Promise<void> }> {
    const done = this.#run()
    const end = (): Promise<void> => {
      this.stop()
      return done
    }
    return Promise.resolve({ done, end })
  }

  /** To be called after a probe: closes what can be closed, or pulls soon. */
  probed(): void {
    this.#closeReached()
    void this.#options.commit.written()
    const { probes, feeds } = this.#options
    if (probes.isExactAwaited) this.ask()
    else if (feeds() > 0 && this.#pauseMs > pauseMs.most) this.#wake?.()
  }

  /** To be called when somebody waits for what is committed now. */
  ask(): void {
    this.#isAsked = true
    this.#wake?.()
  }

  /** What is durable is confirmed behind a pull. */
  durable(): void {}

  /** There is no connection that must be kept alive. */
  confirm(): void {}

  stop(): void {
    this.#isOver = true
    this.#wake?.()
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const startedAt = performance.now()
      this.#isAsked = false
      const isMore = await this.#round()
      if (!isMore) await this.#pause(performance.now() - startedAt)
    }
  }

  async #pause(tookMs: number): Promise<void> {
    const { probes, feeds } = this.#options
    if (this.#isOver || this.#isAsked || probes.isExactAwaited) return
    if (feeds() === 0) this.#pauseMs = pauseMs.withoutFeeds
    else this.#pauseMs = Math.min(this.#pauseMs, pauseMs.most)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    const timer = setTimeout(resolve, Math.max(this.#pauseMs, tookMs, restAfter(this.#last)))
    await promise
    clearTimeout(timer)
    this.#wake = undefined
  }

  /** Returns true if there is more to pull at once. */
  async #round(): Promise<boolean> {
    const { control, gate, history, commit, probes, slot, writer } = this.#options
    const isExact = probes.isExactAwaited
    const [now] = await control.query(`${boundarySql}, (${slotIsKeptSql(slot, writer.endLsn)})`)
    let inserted = parseLsn(now?.[0] ?? '')
    let flushed = parseLsn(now?.[1] ?? '')
    if (isExact && flushed < inserted) inserted = flushed = await flushedMark(control)
    const boundary = inserted <= flushed ? inserted : this.#inserted <= flushed ? this.#inserted : this.#boundary
    this.#inserted = inserted
    let pulled: PulledPart = { tag: 'pulled', messages: 0, isAll: true }
    this.#last = { ms: 0, messages: 0 }
    if (flushed > this.#received || !history.isChecked) {
      const startedAt = performance.now()
      const part = await this.#pull(flushed)
      if (this.#isOver) return false
      if (part === undefined) return true
      pulled = part
      this.#last = { ms: performance.now() - startedAt, messages: part.messages }
    } else if (now?.[2] !== 't') throw slotMoved(slot)
    if (pulled.isAll) {
      this.#received = flushed
      this.#boundary = boundary
      if (gate !== undefined && gate.awaited > 0) gate.keepalive(flushed, false)
      this.#closeReached()
    }
    void commit.written()
    await this.#advance(pulled)
    this.#pauseMs = pulled.messages > 0 ? pauseMs.least : this.#pauseMs * pauseGrowth
    return !pulled.isAll
  }

  /** Returns undefined if the pull must be repeated, because there is something in it that PostgreSQL cannot decode. */
  async #pull(flushed: Lsn): Promise<PulledPart | undefined> {
    const { control, applier } = this.#options
    if (flushed - this.#notedAt > noteEveryBytes) {
      await control.query(noteRunningSql)
      this.#notedAt = flushed
    }
    try {
      const pulled = await this.#pulls.next()
      if (pulled.tag === 'no room') throw noRoom(pulled.error)
      return pulled
    } catch (error) {
      const isSmaller =
        error instanceof FeedError && isOfDecoding(error) && !this.#pulls.isLeast && !applier.inTransaction
      if (!isSmaller) throw error
      // A pull brings all or nothing; the transactions before that one are to come.
      await this.#pulls.bringLess()
      return undefined
    }
  }

  /** Moves the slot when that is worth it: PostgreSQL reads the WAL for it from where the slot must restart. */
  async #advance({ messages, isAll }: PulledPart): Promise<void> {
    const { commit, slot, writer } = this.#options
    this.#messagesSinceAdvance += messages
    const waitedMs = performance.now() - this.#advancedAtMs
    const isDue =
      !isAll ||
      this.#messagesSinceAdvance >= advanceAfter.messages ||
      waitedMs >= (this.#messagesSinceAdvance > 0 ? advanceAfter.ms : advanceAfter.quietMs)
    if (!isDue) return
    await commit.drain()
    await advance(this.#pulls.connection, slot, writer.durableEndLsn)
    this.#advancedAtMs = performance.now()
    this.#messagesSinceAdvance = 0
  }

  #closeReached(): void {
    const { applier, history, probes, writer, closedTargetMs } = this.#options
    if (!history.isChecked || applier.inTransaction) return
    const end = this.#boundary > writer.endLsn ? this.#boundary : writer.endLsn
    // Who waits for a position must find it in the log.
    const reached = probes.reached(probes.isExactAwaited && end < this.#received ? end : this.#received)
    if (reached === undefined) return
    const ts = stampClosed(writer.lastTimestamp, reached.micros, reached.exact ? 0 : closedTargetMs())
    if (reached.exact || compareHlc(ts, writer.lastTimestamp) > 0 || end > writer.endLsn) writer.closed(ts, end)
  }
}

/** How long the source is left alone after a pull, at least. */
export function restAfter({ ms, messages }: { readonly ms: number; readonly messages: number }): number {
  if (ms < costly.ms || messages >= costly.messages) return ms
  return Math.max(ms, Math.min(ms * restAfterCostly.times, restAfterCostly.mostMs))
}

function noRoom(cause: FeedError): FeedError {
  return new FeedError('FEED_SOURCE_REFUSED', `PostgreSQL cannot collect the next changes: ${cause.message}`, {
    sqlstate: cause.sqlstate,
    hint: 'raise temp_file_limit, or make room on the disk of PostgreSQL; a role with REPLICATION reads them without that',
    cause,
  })
}

// The batches of one lane in their order. At most one of them is being sent. A batch that failed is sent again, unchanged,
// before all others, so that nothing overtakes it and a far end that numbers messages finds no gap.

import { FeedError } from '../../errors/feed-error.ts'
import { countDelivered, type FeedMeter } from '../../core/feed-meter.ts'
import type { Backlog } from './backlog.ts'
import { Batch, type BatchPhase } from './batch.ts'
import type { BatchBody, BatchLimits, Delivery, LaneRows } from './lane-client.ts'
import type { SpareBodies } from './spare-bodies.ts'

export interface LaneOptions<Place, Body extends BatchBody<Body>> {
  readonly place: Place
  readonly route: number
  readonly spares: SpareBodies<Body>
  readonly backlog: Backlog<Lane<Place, Body>>
  readonly limits: BatchLimits
  readonly meter: FeedMeter
  readonly emitting: Emitting
}

/** What the sink is being given. */
export interface Emitting {
  /** When the first of the messages was committed, in ms since 1970; NaN: not known. */
  committedMs: number
}

export class Lane<Place, Body extends BatchBody<Body>> {
  readonly place: Place
  /** Number of the server that takes the batches of this lane. Lanes with the same route share requests. */
  route: number
  readonly #spares: SpareBodies<Body>
  readonly #backlog: Backlog<Lane<Place, Body>>
  readonly #limits: BatchLimits
  readonly #meter: FeedMeter
  readonly #emitting: Emitting
  /** The batch that is sending or backing off. */
  #sent: Batch<Body> | undefined
  /** The batches that are waiting. */
  readonly #waiting: Batch<Body>[] = []
  /** The batch that is filling; it has at least one message. */
  #open: Batch<Body> | undefined
  /** Messages in all batches before the open one, since the lane exists. */
  #closedCount = 0
  /** The first and the last of the rows that are to be added; -1: there are none. */
  #firstRow = -1
  #lastRow = -1

  constructor({ place, route, spares, backlog, limits, meter, emitting }: LaneOptions<Place, Body>) {
    this.place = place
    this.route = route
    this.#spares = spares
    this.#backlog = backlog
    this.#limits = limits
    this.#meter = meter
    this.#emitting = emitting
  }

  get hasClosed(): boolean {
    return this.#waiting.length > 0
  }

  /** Number of messages in the open batch. */
  get openCount(): number {
    return this.#open?.body.count ?? 0
  }

  /** Size in bytes of the open batch. */
  get openBytes(): number {
    return this.#open?.body.bytes ?? 0
  }

  /** When the open batch got its first message, as `performance.now()` counts; Infinity: there is no open batch. */
  get openedAtMs(): number {
    return this.#open?.times.openedAtMs ?? Number.POSITIVE_INFINITY
  }

  /** Size in bytes of the next batch to send. */
  get nextBytes(): number {
    return this.#waiting[0]?.body.bytes ?? this.openBytes
  }

  /** Number of messages in the next batch to send. */
  get nextCount(): number {
    return this.#waiting[0]?.body.count ?? this.openCount
  }

  /** Appends a message, with the parameters of `BatchBody.add`. */
  add(bytes: Uint8Array, keyStart: number, keyEnd: number, valueEnd: number, time?: string, schema?: number): void {
    const { bytes: maxBytes, messages: maxMessages, overheadBytes = 0 } = this.#limits
    const payload = Math.max(valueEnd, keyEnd) - (keyStart < 0 ? keyEnd : keyStart)
    const size = overheadBytes + payload
    let body = this.#open?.body
    if (
      body !== undefined &&
      (body.bytes + size > maxBytes || body.count >= maxMessages || (body.schema ?? schema) !== schema)
    ) {
      if (body.bytes + size > maxBytes) this.#meter.count('sizeBasedFlushes')
      this.close()
      body = undefined
    }
    body ??= this.#begin()
    const before = body.bytes
    body.add(bytes, keyStart, keyEnd, valueEnd, time, schema)
    ;(this.#open as Batch<Body>).payloadBytes += payload
    this.#backlog.grow(body.bytes - before, 1)
  }

  /** Appends a resolved message, which is sent at once, however long other messages may wait until a batch is full. */
  addResolved(payload: Uint8Array): void {
    this.add(payload, -1, 0, payload.length)
    const open = this.#open as Batch<Body>
    open.resolved += 1
    open.payloadBytes -= payload.length
    this.close()
  }

  /** Notes that a row of the batch at hand is to be added after those noted before. Returns whether it is the first one. */
  note(row: number, next: Int32Array): boolean {
    const last = this.#lastRow
    next[row] = -1
    this.#lastRow = row
    if (last < 0) this.#firstRow = row
    else next[last] = row
    return last < 0
  }

  /** Appends the rows that were noted. */
  addRows(rows: LaneRows): void {
    const { batch, next } = rows
    const { hasKeys, keyStarts, valueStarts, valueEnds, nilValues, schemas, largeTimes } = batch
    let row = this.#firstRow
    this.#firstRow = -1
    this.#lastRow = -1
    while (row >= 0) {
      row = this.#appendRows(rows, row)
      if (row < 0) return
      const keyStart = hasKeys ? (keyStarts[row] as number) : -1
      const valueEnd = nilValues[row] === 1 ? -1 : (valueEnds[row] as number)
      const time = largeTimes.size === 0 ? undefined : largeTimes.get(row)
      this.add(batch.bytes.buffer, keyStart, valueStarts[row] as number, valueEnd, time, schemas[row])
      row = next[row] as number
    }
  }

  /** Appends rows to the open batch as long as that is all there is to do. Returns the first one that is left. */
  #appendRows(rows: LaneRows, row: number): number {
    const open = this.#open
    const body = open?.body
    if (open === undefined || body?.addRows === undefined) return row
    const { bytes, count } = body
    rows.payloadBytes = 0
    const left = body.addRows(rows, row, this.#limits)
    open.payloadBytes += rows.payloadBytes
    this.#backlog.grow(body.bytes - bytes, body.count - count)
    return left
  }

  /** Closes the open batch: it takes no more messages and can be sent as it is. */
  close(): void {
    const open = this.#open
    if (open === undefined) return
    open.enter({ tag: 'waiting', failures: 0 })
    this.#closedCount += open.body.count
    this.#waiting.push(open)
    this.#open = undefined
  }

  /** Returns the next batch, which is being sent from now on. */
  start(): Delivery<Place, Body> {
    if (this.#waiting.length === 0) this.close()
    const batch = this.#sent === undefined ? this.#waiting.shift() : undefined
    if (batch === undefined)
      throw new FeedError('FEED_BUG', 'a lane without a batch that waits, or with one on its way, cannot send')
    const { body, first, failures, times } = batch
    batch.enter({ tag: 'sending', failures })
    if (failures === 0) this.#meter.observe('queue', (performance.now() - times.openedAtMs) * 1e6)
    this.#meter.count('inFlightMessages', body.count)
    this.#sent = batch
    this.#backlog.addBusy(this)
    return { place: this.place, body, first, failures }
  }

  /** The batch that is being sent has arrived; `sentBytes`: its size as it was sent; undefined: that of its body. */
  delivered(sentBytes?: number): void {
    const batch = this.#leave({ tag: 'delivered' })
    const { body, times, resolved, payloadBytes: bytes } = batch
    const { committedMs, openedAtMs } = times
    // Resolved messages are counted by the feed.
    const sent = { messages: body.count - resolved, bytes, committedMs, emittedAtMs: openedAtMs }
    countDelivered(this.#meter, sent, sentBytes ?? body.bytes)
    this.#backlog.grow(-body.bytes, -body.count)
    this.#spares.give(body)
    this.#report()
  }

  /** The far end did not take the batch that is being sent, and asked for it later. That is no failure. */
  postponed(): void {
    this.#waitAgain()
  }

  /** The batch that is being sent backs off until `retry`. Returns how many attempts to send it have failed. */
  failed(): number {
    const failures = this.#onItsWay.failures + 1
    this.#onItsWay.enter({ tag: 'backing-off', failures })
    this.#isBackingOff(1)
    return failures
  }

  /** The batch that is backing off may be sent again. */
  retry(): void {
    this.#isBackingOff(-1)
    this.#meter.count('sinkRetries')
    this.#waitAgain()
  }

  /**
   * The far end refused the batch that is being sent for its size: two batches with half of its messages each take its place.
   * Returns false, and changes nothing, when it has a single message.
   */
  split(): boolean {
    const { failures, first, body, times, resolved, payloadBytes } = this.#onItsWay
    if (body.count < 2) return false
    this.#meter.count('batchReductions')
    this.#leave({ tag: 'split' })
    const [former, latter] = body.halves()
    const one = new Batch(former, first, { phase: { tag: 'waiting', failures }, times })
    const other = new Batch(latter, first + former.count, { phase: { tag: 'waiting', failures: 0 }, times })
    // For the metrics: how the bytes of rows are divided is not known, only what they are together.
    one.payloadBytes = Math.round((payloadBytes * former.count) / (body.count - resolved))
    other.payloadBytes = payloadBytes - one.payloadBytes
    other.resolved = resolved
    this.#waiting.unshift(one, other)
    this.#backlog.grow(former.bytes + latter.bytes - body.bytes)
    this.#report()
    return true
  }

  get #onItsWay(): Batch<Body> {
    if (this.#sent === undefined) throw new FeedError('FEED_BUG', 'no batch of the lane is on its way')
    return this.#sent
  }

  #waitAgain(): void {
    const { failures } = this.#onItsWay
    this.#waiting.unshift(this.#leave({ tag: 'waiting', failures }))
    this.#report()
  }

  #begin(): Body {
    const body = this.#spares.take()
    if (this.#sent === undefined && this.#waiting.length === 0) this.#backlog.addWaiting(this)
    const { committedMs } = this.#emitting
    this.#open = new Batch(body, this.#closedCount, { times: { committedMs, openedAtMs: performance.now() } })
    this.#backlog.grow(body.bytes)
    return body
  }

  /** The batch that is sending or backing off enters a phase in which it is neither. */
  #leave(phase: BatchPhase): Batch<Body> {
    const batch = this.#onItsWay
    batch.enter(phase)
    this.#meter.count('inFlightMessages', -batch.body.count)
    this.#sent = undefined
    return batch
  }

  #isBackingOff(by: 1 | -1): void {
    const { count } = this.#onItsWay.body
    this.#meter.count('retryingMessages', by * count)
  }

  #report(): void {
    if (this.#waiting.length > 0 || this.#open !== undefined) this.#backlog.addWaiting(this)
    else this.#backlog.remove(this)
  }
}

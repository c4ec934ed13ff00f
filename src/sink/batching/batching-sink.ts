// A sink over lanes, for far ends that take batches of messages. Which lanes there are is the matter of a `LaneMap`, how batches
// reach the far end that of a `LaneClient`.
//
// Order: a key belongs to one lane, and of a lane one batch is sent at a time, so versions of a row arrive in the
// order in which they were emitted, also over retries.
// Durability: `flush` settles when the client has confirmed every batch.
// Memory: `emit` waits while the lanes hold more than their budget.
// Trouble: a batch is sent again as the retry options say; what fails then ends the sink, every later call throws, and the
// feed starts again from its checkpoint. The sink refuses to drop or to reorder a message.

import { setImmediate } from 'node:timers/promises'
import { onAbort } from '../../async/or-abort.ts'
import type { MessageBatch } from '../../core/message-batch.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { Resolved, Sink, SinkStall } from '../sink.ts'
import type { Lane } from './lane.ts'
import type { BatchBody } from './lane-client.ts'
import type { Lanes } from './lanes.ts'
import { LaneSender, type SenderOptions } from './sender.ts'

export interface LaneMap<Place, Body extends BatchBody<Body>> {
  /** The lanes of each topic of the feed (`FeedSpec.targets`). Topics may share lanes. */
  readonly byTopic: readonly (readonly Lane<Place, Body>[])[]
  /** Returns the number of the lane to which the key `bytes[start, end)` belongs, among as many lanes of its topic. */
  readonly laneOf: (bytes: Uint8Array, start: number, end: number, lanes: number) => number
  /** The lanes that take the resolved message of a topic, each lane once. */
  resolvedLanes(): Iterable<readonly [topic: number, lanes: readonly Lane<Place, Body>[]]>
  /** A resolved message is about more than its lane: it is sent when everything before it is delivered, and alone. */
  readonly isResolvedAlone?: true
  /** Called at the end of a flush, when no lane has messages: only then may keys move to other lanes. A rejection ends the sink. */
  whenEmpty?(): Promise<void>
}

export interface BatchingSinkOptions<Place, Body extends BatchBody<Body>> extends Omit<
  SenderOptions<Place, Body>,
  'backlog' | 'meter'
> {
  readonly lanes: Lanes<Place, Body>
  readonly map: LaneMap<Place, Body>
  /** Ends the sink when it aborts, with the signal's reason. */
  readonly signal: AbortSignal
  /** Gives up connections of the client. */
  readonly close: () => Promise<void>
}

export class BatchingSink<Place, Body extends BatchBody<Body>> implements Sink {
  readonly #options: BatchingSinkOptions<Place, Body>
  readonly #sender: LaneSender<Place, Body>
  readonly #listening: Disposable
  /** Spreads messages without a key: each is a row that comes once, so any lane may have it. */
  #next = 0
  /** Memory for the rows of each lane, `LaneRows.next`. */
  #nextRows = new Int32Array(1024)

  constructor(options: BatchingSinkOptions<Place, Body>) {
    const { lanes, signal } = options
    this.#options = options
    this.#sender = new LaneSender({ ...options, backlog: lanes.backlog, meter: lanes.meter })
    this.#listening = onAbort(signal, () => this.#sender.fail(signal.reason))
  }

  get failed(): AbortSignal {
    return this.#sender.progress.signal
  }

  stalled(nowMs: number): SinkStall | undefined {
    return this.#sender.stalled(nowMs)
  }

  async emit(batch: MessageBatch): Promise<void> {
    this.#sender.progress.check()
    const { lanes } = this.#options
    lanes.emitting.committedMs = batch.committedMs
    this.#add(batch)
    this.#sender.pump()
    lanes.meter.set('pendingMessages', lanes.backlog.messages)
    if (!lanes.backlog.isOverBudget) return
    const startMs = performance.now()
    while (lanes.backlog.isOverBudget) await this.#sender.hurry()
    // A client may write the next requests later in this turn or in the next one. They go out before the rows after them are copied, so that
    // the far end has something to do meanwhile.
    await setImmediate()
    await setImmediate()
    lanes.meter.observe('backpressure', (performance.now() - startMs) * 1e6)
  }

  /** First each row is given its lane, and then each lane its rows: both loops are short, and run once for each row. */
  #add(batch: MessageBatch): void {
    const { count, hasKeys, topics, keyStarts, valueStarts } = batch
    const { buffer } = batch.bytes
    const { byTopic, laneOf } = this.#options.map
    if (this.#nextRows.length < count) this.#nextRows = new Int32Array(topics.length)
    const next = this.#nextRows
    const lanes: Lane<Place, Body>[] = []
    for (let row = 0; row < count; row++) {
      const own = byTopic[topics[row] as number] as readonly Lane<Place, Body>[]
      const { length } = own
      let lane = 0
      if (length > 1)
        lane = hasKeys
          ? laneOf(buffer, keyStarts[row] as number, valueStarts[row] as number, length)
          : this.#next++ % length
      const its = own[lane] as Lane<Place, Body>
      if (its.note(row, next)) lanes.push(its)
    }
    const rows = { batch, next, payloadBytes: 0 }
    for (const lane of lanes) lane.addRows(rows)
  }

  async emitResolved(resolved: Resolved): Promise<void> {
    const { map, lanes } = this.#options
    this.#sender.progress.check()
    if (map.isResolvedAlone === true) await this.#drain()
    lanes.emitting.committedMs = Number.NaN
    for (const [topic, itsLanes] of map.resolvedLanes()) {
      const payload = resolved.payload(topic)
      for (const lane of itsLanes) lane.addResolved(payload)
    }
    this.#sender.pump()
    if (map.isResolvedAlone === true) await this.#drain()
  }

  async flush(): Promise<void> {
    const { map } = this.#options
    this.#sender.progress.check()
    await this.#drain()
    if (map.whenEmpty === undefined) return
    await this.#sender.progress.orEnd(map.whenEmpty()).catch((error: unknown) => this.#sender.fail(error))
    this.#sender.progress.check()
  }

  /** Settles when every batch is delivered. */
  async #drain(): Promise<void> {
    while (!this.#options.lanes.backlog.isEmpty) await this.#sender.hurry()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listening[Symbol.dispose]()
    this.#sender.fail(new FeedError('FEED_STATE', 'the sink is closed'))
    await this.#options.close()
  }
}

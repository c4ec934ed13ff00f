// What every phase of a feed does with the sink: it emits batches, flushes, saves and emits resolved messages, in the order
// that run-feed.ts explains.

import { orAbort } from '../async/or-abort.ts'
import { ByteWriter } from '../bytes/byte-writer.ts'
import { feedMeterNames, leastSizePower, type FeedHistogram } from '../core/feed-meter.ts'
import { formatHlc, nextHlc, type Hlc } from '../core/hlc.ts'
import type { JobProgress } from '../core/job-progress.ts'
import type { MessageBatch } from '../core/message-batch.ts'
import type { RelationSchema } from '../core/relation.ts'
import type { Encoder } from '../encode/encoder.ts'
import { CheckpointSchedule } from './checkpoint-schedule.ts'
import type { FeedRun } from './feed-run.ts'
import type { ChangeWriter } from './output/change-writer.ts'
import { openOutput, type Output } from './output/open-output.ts'
import { ResolvedSchedule } from './resolved-schedule.ts'

export class Delivery {
  readonly #run: FeedRun
  readonly #encoder: Encoder
  readonly #resolvedBytes = new ByteWriter(256)
  readonly #resolved: ResolvedSchedule
  readonly #checkpoints: CheckpointSchedule
  #resolvedIsPrepared = false
  readonly #sizes = new Uint32Array(feedMeterNames.histograms.messageBytes.length + 1)

  constructor(run: FeedRun, encoder: Encoder) {
    const { resolvedIntervalMs, minCheckpointMs } = run.spec
    this.#run = run
    this.#encoder = encoder
    this.#resolved = new ResolvedSchedule(resolvedIntervalMs, minCheckpointMs)
    this.#checkpoints = new CheckpointSchedule(minCheckpointMs, Date.now())
  }

  /** `Encoder.prepare`. */
  prepare(relation: RelationSchema, topic: number): number | Promise<number> {
    return this.#encoder.prepare(relation, topic)
  }

  /** Opens a chain through which changes become messages. `emitBatch` gives its batches to the sink, and clears them. */
  openOutput(signal: AbortSignal, emitBatch = (batch: MessageBatch): Promise<void> => this.emitBatch(batch)): Output {
    return openOutput({ encoder: this.#encoder, emitBatch, signal })
  }

  async emitBatch(batch: MessageBatch): Promise<void> {
    const { sink, meter } = this.#run
    if (batch.count === 0) return
    const startMs = performance.now()
    const encodeMs = startMs - batch.begunAtMs
    meter.observe('encode', encodeMs * 1e6)
    if (!Number.isNaN(batch.committedMs))
      meter.observe('admitLatency', Math.max(0, Date.now() - encodeMs - batch.committedMs) * 1e6)
    this.#sizes.fill(0)
    batch.countSizes(this.#sizes, leastSizePower)
    meter.observeAll('messageBytes', this.#sizes, batch.bytes.length)
    try {
      await sink.emit(batch)
      meter.observe('emit', (performance.now() - startMs) * 1e6)
    } finally {
      // Cleared even if the sink has failed: nobody uses the batch again, and it would keep the memory of a large row.
      batch.clear()
    }
  }

  /** Makes everything that was emitted durable. */
  flush(): Promise<void> {
    return this.#flush(this.#run.progress.frontier)
  }

  /** Makes everything that was emitted durable, and then `progress`. */
  async save(progress: JobProgress): Promise<void> {
    const startMs = performance.now()
    await this.flush()
    await this.#save(progress)
    this.#took('checkpoint', startMs)
  }

  /** Called when an earlier run, or the scan of this one, has emitted everything at or below `at`. */
  startAt(at: Hlc): void {
    this.#run.progress.frontier = at
    this.#checkpoints.saved(at, Date.now())
  }

  /** Called when everything at or below `frontier` was written to `changes`. Flushes, saves and resolves if that is due. */
  async advance(frontier: Hlc, changes: ChangeWriter): Promise<void> {
    const { progress, save, meter } = this.#run
    progress.frontier = frontier
    meter.count('frontierUpdates')
    // What is saved says as much, or more: that the rows of a schema change just after the frontier are emitted.
    if (!this.#checkpoints.isNew(frontier)) return
    const nowMs = Date.now()
    const isResolved = this.#resolved.isDue(frontier, nowMs)
    if (!isResolved && !(save !== undefined && this.#checkpoints.isDue(frontier, nowMs))) return
    await changes.drain()
    await this.#checkpoint(frontier, isResolved)
  }

  /** Called when the initial scan, as of `at`, was emitted. */
  async endScan(at: Hlc): Promise<void> {
    this.#run.progress.frontier = at
    await this.#checkpoint(at, this.#resolved.wanted)
  }

  /** Called when everything before a schema change was emitted, `at` being the time just before. It is saved and resolved whatever is due. */
  async reachBoundary(at: Hlc): Promise<void> {
    this.#run.progress.frontier = at
    this.#run.say?.(`schema change occurred at ${formatHlc(nextHlc(at))}`)
    await this.#checkpoint(at, this.#resolved.isNew(at))
  }

  /** Called when the feed is stopped. Saves the progress once more, so that a job that is paused and resumed repeats nothing. */
  async stop(): Promise<void> {
    const { progress, save } = this.#run
    const { frontier } = progress
    if (save !== undefined && frontier !== undefined && this.#checkpoints.isNew(frontier)) {
      await this.#checkpoint(frontier, false)
    }
  }

  /** Called when everything at or below the end time of the feed was emitted. */
  async end(endTime: Hlc): Promise<void> {
    await this.#checkpoint(endTime, this.#resolved.isNew(endTime))
    // No later flush would make the last resolved message durable.
    await this.#flush(endTime)
  }

  /** Flushes, saves and, if it is due, resolves, after everything at or below `at` was emitted. */
  async #checkpoint(at: Hlc, isResolved: boolean): Promise<void> {
    const { sink, meter } = this.#run
    const startMs = performance.now()
    await this.#flush(at)
    await this.#save({ tag: 'following', highWater: at })
    this.#took('checkpoint', startMs)
    this.#checkpoints.saved(at, Date.now())
    if (!isResolved) return
    if (!this.#resolvedIsPrepared) await this.#prepareResolved()
    const out = this.#resolvedBytes
    const payload = (topic: number): Uint8Array => {
      out.clear()
      this.#encoder.encodeResolved(topic, at, out)
      return out.view()
    }
    await sink.emitResolved({ at, payload })
    this.#resolved.emitted(at, Date.now())
    meter.count('resolvedMessages')
    meter.count('bytes', out.length)
    meter.observe('batchMessages', 1)
  }

  async #flush(frontier: Hlc | undefined): Promise<void> {
    const startMs = performance.now()
    await this.#run.sink.flush(frontier)
    this.#run.meter.count('flushes')
    this.#took('flush', startMs)
  }

  async #save(progress: JobProgress): Promise<void> {
    const { save } = this.#run
    if (save === undefined) return
    const startMs = performance.now()
    await save(progress)
    this.#took('save', startMs)
  }

  #took(what: FeedHistogram, startMs: number): void {
    this.#run.meter.observe(what, (performance.now() - startMs) * 1e6)
  }

  async #prepareResolved(): Promise<void> {
    const { spec, signal } = this.#run
    for (const topic of spec.targets.keys()) {
      const preparing = this.#encoder.prepareResolved(topic)
      if (preparing !== undefined) await orAbort(preparing, signal)
    }
    this.#resolvedIsPrepared = true
  }
}

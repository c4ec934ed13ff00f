// One running changefeed: initial scan, then the log, into a sink. The order of calls here is the guarantee:
//
//   rows at or below T      emit      the sink has them, in order for each key
//   T is complete           flush     everything at or below T is durable at the far end
//                           save      a restart goes on from T
//                           resolved  only now does anybody hear of T
//
// It runs in a worker thread and owns nothing that outlives it. It refuses to retry: whoever started it does.

import type { LogReader } from '../changelog/changelog.ts'
import { ByteWriter } from '../bytes/byte-writer.ts'
import type { Hlc } from '../core/hlc.ts'
import { readsLogFrom } from '../core/job-progress.ts'
import { SchemaHistory } from '../decode/schema-history.ts'
import type { Encoder } from '../encode/encoder.ts'
import { openEncoder } from '../encode/open-encoder.ts'
import { CheckpointSchedule } from './checkpoint-schedule.ts'
import type { FeedRun } from './feed-run.ts'
import { LogFollower } from './follow/follow-log.ts'
import { initialScan } from './scan/scan-tables.ts'
import { explainFellBehind } from './fell-behind.ts'
import type { MessageBatch } from '../core/message-batch.ts'
import type { ChangeWriter } from './output/change-writer.ts'
import { openOutput, type Output } from './output/open-output.ts'
import { quietWaitMs } from './follow/quiet-wait.ts'
import { ResolvedSchedule } from './resolved-schedule.ts'

/** Settles when the feed has reached its end; throws what ended it otherwise, or the signal's reason. */
export async function runFeed(run: FeedRun): Promise<void> {
  try {
    await new RunningFeed(run, await openEncoder(run.spec)).run()
  } catch (error) {
    throw explainFellBehind(error, run.resume)
  }
}

class RunningFeed {
  readonly #run: FeedRun
  readonly #encoder: Encoder
  readonly #resolvedBytes = new ByteWriter(256)
  readonly #resolved: ResolvedSchedule
  readonly #checkpoints: CheckpointSchedule

  constructor(run: FeedRun, encoder: Encoder) {
    const { resolvedIntervalMs: intervalMs, minCheckpointMs } = run.spec
    this.#run = run
    this.#encoder = encoder
    this.#resolved = new ResolvedSchedule({ intervalMs, minCheckpointMs })
    this.#checkpoints = new CheckpointSchedule(minCheckpointMs, Date.now())
  }

  async run(): Promise<void> {
    const { spec, log, progress, resume } = this.#run
    const head = log.head
    const isFollowing = resume?.tag === 'following'
    // An earlier run completed the scan and stopped before the end of the job could be written down.
    if (spec.initialScan === 'only' && isFollowing) return
    const scans = spec.initialScan !== 'no' && !isFollowing
    let after = isFollowing ? resume.highWater : (spec.cursor ?? this.#run.startTime)
    if (scans) {
      after = await this.#scan()
      if (spec.initialScan === 'only') {
        await this.#run.save?.({ tag: 'following', highWater: after })
        return
      }
    }
    progress.frontier = after
    if (scans) await this.#checkpoint(after, this.#resolved.wanted)
    else this.#checkpoints.saved(after, Date.now())

    const isAtHand = (resume === undefined || readsLogFrom(resume) === undefined) && spec.cursor === undefined
    using reader = isAtHand ? log.readFrom(scans ? head : this.#run.startPosition) : log.readAfter(after)
    await this.#follow(reader, after)
  }

  async #scan(): Promise<Hlc> {
    const { log, sink, progress } = this.#run
    progress.scanned = 0
    const at = await initialScan({
      run: this.#run,
      encoder: this.#encoder,
      emitBatch: (batch) => this.#emitBatch(batch),
      catchUp: async (after, through) => {
        using reader = log.readAfter(after)
        const { changes } = this.#output(this.#run.signal)
        await this.#follower(reader, after, through, changes, this.#run.signal, async () => undefined).run()
        this.#run.signal.throwIfAborted()
        await changes.drain()
      },
    })
    await sink.flush(undefined)
    progress.scanned = undefined
    return at
  }

  async #follow(reader: LogReader, after: Hlc): Promise<void> {
    const { spec, sink, signal, progress } = this.#run
    // A sink that fails ends the wait for rows; what is called next on it says why.
    const either = sink.failed === undefined ? signal : AbortSignal.any([signal, sink.failed])
    const { changes, messages } = this.#output(either)
    const follower = this.#follower(reader, after, spec.endTime, changes, either, async (frontier) => {
      progress.frontier = frontier
      const nowMs = Date.now()
      const isResolved = this.#resolved.isDue(frontier, nowMs)
      if (!isResolved && !(this.#run.save !== undefined && this.#checkpoints.isDue(frontier, nowMs))) return
      await changes.drain()
      await this.#checkpoint(frontier, isResolved)
    })
    try {
      await follower.run()
    } catch (error) {
      // What came before the end of the feed is the reader's, whatever ended it. Changes that the encoder was not ready for
      // belong to a transaction that is not complete.
      await messages.drain()
      await sink.flush(progress.frontier)
      throw error
    }
    await messages.drain()
    if (signal.aborted) {
      // Saved once more, so that a job that is paused and resumed repeats nothing.
      const { frontier } = progress
      if (this.#run.save !== undefined && frontier !== undefined && this.#checkpoints.isNew(frontier))
        await this.#checkpoint(frontier, false)
      signal.throwIfAborted()
    }
    await sink.flush(progress.frontier)
    const { endTime } = spec
    if (endTime === undefined) return
    await this.#checkpoint(endTime, this.#resolved.isNew(endTime))
    // Nobody flushes after the last resolved message otherwise.
    await sink.flush(endTime)
  }

  #follower(
    reader: LogReader,
    after: Hlc,
    endTime: Hlc | undefined,
    changes: ChangeWriter,
    signal: AbortSignal,
    advanced: (frontier: Hlc) => Promise<void>,
  ): LogFollower {
    const { spec, log } = this.#run
    return new LogFollower({
      log,
      reader,
      schemas: new SchemaHistory(),
      targets: spec.targets,
      diff: spec.diff,
      quietMs: quietWaitMs({ ...spec, endTime }, this.#run.save !== undefined),
      after,
      endTime,
      stopsAtSchemaChange: false,
      changes,
      advanced,
      signal,
    })
  }

  #output(signal: AbortSignal): Output {
    return openOutput({ encoder: this.#encoder, emitBatch: (batch) => this.#emitBatch(batch), signal })
  }

  async #emitBatch(batch: MessageBatch): Promise<void> {
    const { sink, progress } = this.#run
    try {
      await sink.emit(batch)
      progress.messages += batch.count
      progress.bytes += batch.bytes.length
    } finally {
      // Also where the sink has failed: nobody comes back to it, and a large row in it would stay.
      batch.clear()
    }
  }

  /** Everything at or below `at` has been handed on. */
  async #checkpoint(at: Hlc, isResolved: boolean): Promise<void> {
    const { sink, progress, save } = this.#run
    await sink.flush(at)
    progress.flushes += 1
    await save?.({ tag: 'following', highWater: at })
    this.#checkpoints.saved(at, Date.now())
    if (!isResolved) return
    const out = this.#resolvedBytes
    const payload = (topic: number): Uint8Array => {
      out.clear()
      this.#encoder.encodeResolved(topic, at, out)
      return out.view()
    }
    await sink.emitResolved({ at, payload })
    this.#resolved.emitted(at, Date.now())
    progress.resolvedMessages += 1
    progress.bytes += out.length
  }
}

// One running changefeed: initial scan, then the log, into a sink. The order of calls here is the guarantee:
//
//   rows at or below T      emit      the sink has them, in order for each key
//   T is complete           flush     everything at or below T is durable at the far end
//                           resolved  only now does anybody hear of T
//
// It runs in a worker thread and owns nothing that outlives it. It refuses to retry: whoever started it does.

import type { Changelog } from '../changelog/changelog.ts'
import { ByteWriter } from '../bytes/byte-writer.ts'
import type { FeedSpec } from '../core/feed-spec.ts'
import type { Hlc } from '../core/hlc.ts'
import { SchemaHistory } from '../decode/schema-history.ts'
import { jsonEncoder } from '../encode/json/json-encoder.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import type { Sink } from '../sink/sink.ts'
import { LogFollower } from './follow-log.ts'
import { initialScan } from './initial-scan.ts'
import { MessageOutput } from './message-output.ts'
import { ResolvedSchedule } from './resolved-schedule.ts'

export interface FeedRun {
  readonly spec: FeedSpec
  readonly log: Changelog
  readonly source: SourceConnection
  readonly sink: Sink
  /** Where a feed without cursor and scan starts: a head of the log from before `startTime`. */
  readonly startPosition: number
  /** The time of the statement on the source's clock. */
  readonly startTime: Hlc
  /** Asks ingest to close a timestamp at once. */
  readonly closeNow: () => void
  readonly signal: AbortSignal
  readonly progress: FeedProgress
}

/** Counters that whoever runs the feed may read at any time. */
export interface FeedProgress {
  messages: number
  resolvedMessages: number
  bytes: number
  /** Undefined during the initial scan. */
  frontier: Hlc | undefined
}

/** Settles when the feed has reached its end; throws what ended it otherwise, or the signal's reason. */
export async function runFeed(run: FeedRun): Promise<void> {
  const { spec, log, sink, signal, progress } = run
  const encoder = jsonEncoder(spec)
  const schedule = new ResolvedSchedule({ intervalMs: spec.resolvedIntervalMs, minCheckpointMs: spec.minCheckpointMs })
  const resolvedBytes = new ByteWriter(256)

  const handOn = async (output: MessageOutput): Promise<void> => {
    const { batch } = output
    if (batch.count === 0) return
    await sink.emit(batch)
    progress.messages += batch.count
    progress.bytes += batch.bytes.length
    batch.clear()
  }
  const emitResolved = async (at: Hlc): Promise<void> => {
    await sink.flush()
    resolvedBytes.clear()
    encoder.encodeResolved(at, resolvedBytes)
    await sink.emitResolved(resolvedBytes.view())
    schedule.emitted(at, Date.now())
    progress.resolvedMessages += 1
    progress.bytes += resolvedBytes.length
  }

  const head = log.head
  let after = spec.cursor ?? run.startTime
  if (spec.initialScan !== 'no') {
    after = await initialScan(run, encoder, handOn)
    await sink.flush()
    if (spec.initialScan === 'only') return
    progress.frontier = after
    if (schedule.wanted) await emitResolved(after)
  }

  using reader =
    spec.cursor !== undefined
      ? log.readAfter(after)
      : log.readFrom(spec.initialScan === 'no' ? run.startPosition : head)
  const output = new MessageOutput(encoder)
  const follower = new LogFollower({
    log,
    reader,
    schemas: new SchemaHistory(),
    targets: spec.targets,
    diff: spec.diff,
    after,
    endTime: spec.endTime,
    output,
    handOn: () => handOn(output),
    advanced: async (frontier) => {
      progress.frontier = frontier
      if (!schedule.isDue(frontier, Date.now())) return
      await handOn(output)
      await emitResolved(frontier)
    },
    signal,
  })
  try {
    await follower.run()
  } catch (error) {
    // What came before the end of the feed is the reader's, whatever ended it.
    await handOn(output)
    await sink.flush()
    throw error
  }
  signal.throwIfAborted()
  await handOn(output)
  await sink.flush()
  if (spec.endTime !== undefined && schedule.isNew(spec.endTime)) await emitResolved(spec.endTime)
}

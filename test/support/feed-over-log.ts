// Runs a feed without PostgreSQL, over a written log and into a sink that notes its calls.

import assert from 'node:assert/strict'
import { feedMeter } from '../../src/core/feed-meter.ts'
import type { FeedSpec } from '../../src/core/feed-spec.ts'
import type { Hlc } from '../../src/core/hlc.ts'
import { highWaterOf, type JobProgress } from '../../src/core/job-progress.ts'
import { newProgress } from '../../src/feed/feed-run.ts'
import { runFeed } from '../../src/feed/run-feed.ts'
import type { Sink } from '../../src/sink/sink.ts'
import { specOf } from './spec-of.ts'
import { relid, type WrittenLog } from './written-log.ts'

export type FeedCall =
  | { readonly tag: 'emit'; readonly walls: readonly bigint[] }
  | { readonly tag: 'flush'; readonly frontier: Hlc | undefined }
  | { readonly tag: 'save'; readonly at: Hlc; readonly progress: JobProgress }
  | { readonly tag: 'resolved'; readonly at: Hlc }

export interface FeedOverLog {
  readonly files: WrittenLog
  readonly spec?: Partial<FeedSpec>
  /** What an earlier run has saved. */
  readonly resume?: JobProgress
  readonly signal?: AbortSignal
  /** Called after each call of the sink. */
  readonly called?: (call: FeedCall) => void
}

/** Runs a feed without initial scan from the start of the log; returns the calls in order, and what has ended it. */
export async function runOverLog({
  files,
  spec,
  resume,
  signal,
  called,
}: FeedOverLog): Promise<{ readonly calls: FeedCall[]; readonly error: unknown }> {
  const calls: FeedCall[] = []
  const note = (call: FeedCall): void => {
    calls.push(call)
    called?.(call)
  }
  const sink: Sink = {
    emit: async ({ bytes, valueStarts, valueEnds, count }) => {
      const walls = Array.from({ length: count }, (_, i) => {
        const value = bytes.buffer.toString('utf8', valueStarts[i], valueEnds[i])
        return BigInt(/"updated": "(\d+)\./.exec(value)?.[1] ?? assert.fail(value))
      })
      note({ tag: 'emit', walls })
    },
    flush: async (frontier) => note({ tag: 'flush', frontier }),
    emitResolved: async ({ at }) => note({ tag: 'resolved', at }),
    [Symbol.asyncDispose]: async () => undefined,
  }
  let error: unknown
  try {
    await runFeed({
      spec: specOf({
        targets: [{ relid, topic: 't', tableName: 't' }],
        updated: true,
        initialScan: 'no',
        cursor: files.start,
        resolvedIntervalMs: 0,
        minCheckpointMs: 0,
        ...spec,
      }),
      log: files.log,
      source: { host: '', port: 0, user: '', database: '' },
      sink,
      startPosition: files.log.status.tail,
      startTime: files.start,
      resume,
      save: async (progress) => {
        note({ tag: 'save', at: highWaterOf(progress) ?? assert.fail('there is no initial scan'), progress })
      },
      signal: signal ?? new AbortController().signal,
      progress: newProgress(),
      meter: feedMeter(),
    })
  } catch (thrown) {
    error = thrown
  }
  return { calls, error }
}

// What is counted of a changefeed: by the thread that runs it, and by the jobs on the main thread. A new count is a name here; the
// rest follows: sums by scope and by sink that outlive the changefeed, and the way from the threads of the feeds. A name that
// nobody reads in src/metrics is found by a test.

import { longTimes, Meter, MeterLayout, shortTimes } from './meter.ts'

const feedCounters = [
  /** Messages of rows that the far end has confirmed, and the bytes of their keys and values. */
  'messages',
  'bytes',
  'resolvedMessages',
  /** Bytes that the far end has confirmed, as they were sent: after compression. */
  'flushedBytes',
  'flushes',
  'sizeBasedFlushes',
  'frontierUpdates',
  'batchReductions',
  'sinkRequests',
  'sinkRetries',
  'sinkErrors',
  'bytesOut',
  'registrations',
  'registryRetries',
  /** What the jobs count. */
  'retries',
  'failures',
  'succeeded',
  'canceled',
  'fellBehind',
] as const

/** What is true only while the feed runs. */
const feedGauges = ['retryingMessages', 'inFlightMessages', 'pendingMessages', 'bufferedBytes'] as const

const powersOfTwo = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => 2 ** (first + i))

/** The first bucket of message sizes is for messages of up to 2 to the power of this. */
export const leastSizePower = 5

/** Times are in nanoseconds. */
const feedHistograms = {
  commitLatency: longTimes,
  admitLatency: longTimes,
  encode: shortTimes,
  emit: shortTimes,
  backpressure: shortTimes,
  queue: shortTimes,
  send: shortTimes,
  batch: shortTimes,
  flush: shortTimes,
  checkpoint: shortTimes,
  save: shortTimes,
  throttle: shortTimes,
  batchMessages: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000],
  messageBytes: powersOfTwo(leastSizePower, 24),
} as const satisfies Readonly<Record<string, readonly number[]>>

const layout = new MeterLayout({ counters: feedCounters, gauges: feedGauges, histograms: feedHistograms })

export type FeedCounter = (typeof feedCounters)[number]
export type FeedGauge = (typeof feedGauges)[number]
export type FeedHistogram = keyof typeof feedHistograms
export type FeedMeter = Meter<FeedCounter, FeedGauge, FeedHistogram>

/** The size of the memory that a meter shares with other threads. */
export const feedMeterBytes = layout.bytes

/** `shared`: memory that another thread counts in, or reads; undefined: memory of its own. */
export function feedMeter(shared?: SharedArrayBuffer): FeedMeter {
  return new Meter(layout, shared)
}

export const feedMeterNames = { counters: feedCounters, gauges: feedGauges, histograms: feedHistograms } as const

/** Messages that are on their way together. */
export interface SentMessages {
  /** Messages of rows. */
  readonly messages: number
  readonly bytes: number
  /** When the oldest of them was committed, in ms since 1970; NaN: they are of a scan, or resolved messages. */
  readonly committedMs: number
  /** When the sink got the first of them, as `performance.now()` counts. */
  readonly emittedAtMs: number
}

/** Counts messages that the far end has confirmed now. `sentBytes`: their size as they were sent. */
export function countDelivered(meter: FeedMeter, sent: SentMessages, sentBytes = sent.bytes): void {
  meter.count('flushedBytes', sentBytes)
  if (sent.messages === 0) return
  meter.count('messages', sent.messages)
  meter.count('bytes', sent.bytes)
  meter.observe('batchMessages', sent.messages)
  meter.observe('batch', (performance.now() - sent.emittedAtMs) * 1e6)
  if (!Number.isNaN(sent.committedMs)) meter.observe('commitLatency', Math.max(0, Date.now() - sent.committedMs) * 1e6)
}

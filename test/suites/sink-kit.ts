// What a sink brings along so that test/suites/sink-suite.ts can run every promise of src/sink/sink.ts on it.

import type { FeedMeter } from '../../src/core/feed-meter.ts'
import { MessageBatch } from '../../src/core/message-batch.ts'
import type { Resolved, Sink } from '../../src/sink/sink.ts'

/** A message as the far end has it. */
export interface Delivered {
  /** Index into the topics of the sink; undefined: a resolved message of a sink that names no topic in those. */
  readonly topic: number | undefined
  /** A part of the topic within which order holds; 0 where a sink has no such parts. */
  readonly partition: number
  /** Undefined: a resolved message. */
  readonly key: string | undefined
  /** Null: the message has no value. */
  readonly value: Buffer | null
}

/** One far end that no other test writes to. */
export interface Destination {
  /** `meter`: in which the sink counts. */
  open(signal: AbortSignal, meter?: FeedMeter): Promise<Sink>
  /** Everything that the far end durably has now, in its order within each partition; undefined: there is no far end. */
  delivered?(): Promise<readonly Delivered[]>
  /** From here on the far end answers nothing, until it is mended. */
  break?(): Promise<void>
  mend?(): Promise<void>
  /** How many requests with messages were sent to it. */
  requests?(): number
}

export interface DestinationOptions {
  readonly topics: number
  /** Sinks that try again give up soon: they fail within `sinkWithinMs`. */
  readonly isImpatient?: boolean
}

export interface SinkKit {
  /** Why these tests cannot run here. */
  readonly skip?: string | false
  /** Starts what all destinations need. */
  start?(): Promise<void>
  end?(): Promise<void>
  destination(options: DestinationOptions): Promise<Destination>
  /** How many messages one resolved timestamp becomes for so many topics. */
  resolvedMessages(topics: number): number
  /** Is a message without a value another than one with an empty value? */
  readonly keepsNilValues: boolean
  /** The far end refuses messages of this size; undefined: none is too large for it. */
  readonly tooLargeBytes?: number
  /** The sink has lanes, and no configuration that lets messages wait for others: `requests` counts. */
  readonly sendsAtOnce?: boolean
  /**
   * What shows of a far end that is broken; undefined: it cannot break.
   * `reported`: the sink has `stalled`, and `failed` aborts when it gives up. `waiting`: calls wait, and nothing more.
   */
  readonly trouble?: 'reported' | 'waiting'
  /** Whether the sink counts what it delivers; undefined: yes. */
  readonly counts?: false
}

export const sinkWithinMs = 30_000

export interface TestMessage {
  readonly topic?: number
  readonly key: string
  /** Undefined: no value at all. */
  readonly value: string | undefined
  readonly schema?: number
}

/** Clears the batch and fills it. */
export function fill(batch: MessageBatch, messages: Iterable<TestMessage>): MessageBatch {
  batch.clear()
  for (const { topic = 0, key, value, schema = 0 } of messages) {
    batch.begin(topic, schema)
    batch.bytes.utf8(key)
    batch.endKey()
    if (value !== undefined) batch.bytes.utf8(value)
    batch.end(value !== undefined)
  }
  return batch
}

export function batchOf(...messages: readonly TestMessage[]): MessageBatch {
  return fill(new MessageBatch(), messages)
}

const keys = 40

/** Messages `from` to `from + count`, of 40 keys by turns; the value begins with the number. */
export function* numbered(from: number, count: number, filler = ''): Generator<TestMessage> {
  for (let n = from; n < from + count; n++) yield { key: `[${n % keys}]`, value: `${n} ${filler}` }
}

const payload = Buffer.alloc(64)

/** Its payload is valid until the next call only, as that of an encoder. */
export function resolvedAt(wall: bigint): Resolved {
  return {
    at: { wall, logical: 0 },
    payload: (topic) => payload.subarray(0, payload.write(`{"resolved":"${wall}","topic":${topic}}`)),
  }
}

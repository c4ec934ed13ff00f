// What a far end must offer so that messages can be sent to it in lanes. A lane is a sequence of batches that arrive one after
// the other, for example all messages of one partition of a topic. The lanes, their memory, retries and order are
// the same for every far end; only what stands here differs.

import type { MessageBatch } from '../../core/message-batch.ts'
import type { FeedError } from '../../errors/feed-error.ts'

/** The bounds of a batch. A single message may be larger, and then has a batch of its own. */
export interface BatchLimits {
  readonly bytes: number
  readonly messages: number
  /** The most bytes that a batch takes for a message beside its key and value; undefined: none. */
  readonly overheadBytes?: number
}

/** The rows of a batch that belong to one lane. */
export interface LaneRows {
  readonly batch: MessageBatch
  /** The row after each row; -1: there is none. */
  readonly next: Int32Array
  /** `addRows` adds the size of key and value of each row that it appends. */
  payloadBytes: number
}

/** The messages of a batch, as bytes in the form in which the far end takes them. A body is filled, sent, and filled again. */
export interface BatchBody<Self> {
  /** Number of messages. */
  readonly count: number
  /** Size in bytes before compression. */
  readonly bytes: number
  /** All messages of the body have this schema (`MessageBatch.schemas`); undefined: the body takes messages of any schema. */
  readonly schema?: number | undefined
  /** Memory that the body holds, in bytes. */
  readonly capacity: number
  /**
   * Appends the message with the key `bytes[keyStart, keyEnd)` and the value `bytes[keyEnd, valueEnd)`. A negative `keyStart`
   * means that the message has no key, a negative `valueEnd` that it has no value. `time` says when the row of a large
   * message was committed, for errors.
   */
  add(bytes: Uint8Array, keyStart: number, keyEnd: number, valueEnd: number, time?: string, schema?: number): void
  /**
   * Appends the row and those after it, to a body that has messages, as long as they are within the limits and `add` would only append
   * them. Returns the first row that was not appended; -1: all were. Only for speed: rows that are left are given to `add`.
   */
  addRows?(rows: LaneRows, row: number, limits: BatchLimits): number
  /** Returns two new bodies with the first and the second half of at least two messages, and leaves this one as it is. */
  halves(): readonly [Self, Self]
  clear(): void
}

/** A batch that is being sent. */
export interface Delivery<Place, Body> {
  readonly place: Place
  readonly body: Body
  /** How many messages the lane had before this batch. The number is the same in every attempt to send the batch. */
  readonly first: number
  /** How many attempts to send this batch have failed. */
  readonly failures: number
}

export type Outcome =
  /** The far end has the batch as durably as the changefeed asks for. */
  | { readonly tag: 'delivered' }
  /** The far end refuses the batch for its size, but may accept half of it. */
  | { readonly tag: 'too-large' }
  /** The far end takes the batch later, after the pause for which it asks. That counts as no failure. */
  | { readonly tag: 'later'; readonly error: FeedError }
  /** The batch may have arrived or not. It is sent again, at most as often as the retry options say. */
  | { readonly tag: 'failed'; readonly error: FeedError }
  /** No later attempt can succeed. */
  | { readonly tag: 'refused'; readonly error: FeedError }

export interface SendResult {
  /** One outcome for each delivery, in the same order. */
  readonly outcomes: readonly Outcome[]
  /** The size of the requests as they were sent; undefined: that of the batches. */
  readonly sentBytes?: number | undefined
  /** How many requests it took; undefined: one. */
  readonly requests?: number
  /** How long the far end asks us to send nothing on this route; 0: it does not ask. */
  readonly pauseMs: number
}

/** `Place` names a lane to the far end, for example a topic and a partition. */
export interface LaneClient<Place, Body> {
  /** The name of the far end in messages, for example "Kafka". */
  readonly name: string
  /**
   * Sends the batches of some lanes with the same route in one request. When the promise rejects, the outcome of all of
   * them is `failed`. `signal` aborts when nobody waits for the result any more. The batches must not be used afterwards.
   */
  send(route: number, deliveries: readonly Delivery<Place, Body>[], signal: AbortSignal): Promise<SendResult>
  /** Called once before batches that failed are sent again: the lanes may have other routes now. A rejection ends the sink. */
  beforeRetry?(): Promise<void>
  /** Returns the error that ends the sink when a batch with a single message is too large. */
  tooLarge(delivery: Delivery<Place, Body>): FeedError
  /** Returns what `send` or anything else threw as one of our errors. One that must not be retried ends the sink. */
  toError(error: unknown): FeedError
}

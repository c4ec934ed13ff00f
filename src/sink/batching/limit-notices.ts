// Notices about sizes in an object Flush that are larger than what the sink sends at a time. The smaller size counts then.

import type { BatchFlush } from './read-batch-config.ts'

export interface RequestLimits {
  /** The option that has the object Flush. */
  readonly option: string
  /** What is limited, such as `a request to Pub/Sub`. */
  readonly what: string
  /** Undefined: there is no limit. */
  readonly messages?: number
  readonly bytes: number
}

export function limitNotices(flush: BatchFlush, { option, what, messages, bytes }: RequestLimits): readonly string[] {
  const written = [
    ['Messages', flush.messages, messages, 'messages'],
    ['MaxMessages', flush.maxMessages, messages, 'messages'],
    ['Bytes', flush.bytes, bytes, 'bytes'],
    ['MaxBytes', flush.maxBytes, bytes, 'bytes'],
  ] as const
  return written.flatMap(([name, value = 0, most = Number.POSITIVE_INFINITY, unit]) =>
    value > most
      ? [`Flush.${name} of ${option} is ${value}, but ${what} has at most ${most} ${unit}, and that is what counts`]
      : [],
  )
}

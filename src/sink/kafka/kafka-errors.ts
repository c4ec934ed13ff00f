// What the client library throws, as errors of ours: nested errors in one line, sorted into those that time may mend and
// those that it will not. Nothing of it holds a password; the library does not repeat what it was given.

import { FeedError } from '../../errors/feed-error.ts'

/** Kafka's error codes, as far as anything here depends on them. */
export const kafkaCode = {
  unknownTopic: 3,
  leaderNotAvailable: 5,
  notLeader: 6,
  requestTimedOut: 7,
  messageTooLarge: 10,
  networkException: 13,
  recordListTooLarge: 18,
  notEnoughReplicas: 19,
  notEnoughReplicasAfterAppend: 20,
  kafkaStorageError: 56,
  fencedLeaderEpoch: 74,
  unknownLeaderEpoch: 75,
} as const

const passing: ReadonlySet<number> = new Set([
  kafkaCode.unknownTopic,
  kafkaCode.leaderNotAvailable,
  kafkaCode.notLeader,
  kafkaCode.requestTimedOut,
  kafkaCode.networkException,
  kafkaCode.notEnoughReplicas,
  kafkaCode.notEnoughReplicasAfterAppend,
  kafkaCode.kafkaStorageError,
  kafkaCode.fencedLeaderEpoch,
  kafkaCode.unknownLeaderEpoch,
])

/** Whether the same request may succeed a little later, after another look at the metadata. */
export function mayPass(code: number): boolean {
  return passing.has(code)
}

/** The messages of an error and of everything inside it, each once. */
export function flatMessage(error: unknown): string {
  const texts: string[] = []
  const visit = (value: unknown, depth: number): void => {
    if (!(value instanceof Error) || depth > 6) return
    const { message, cause } = value
    const inner = (value as { errors?: unknown }).errors
    if (message !== '' && !texts.some((text) => text.includes(message))) texts.push(message)
    if (Array.isArray(inner)) for (const one of inner) visit(one, depth + 1)
    visit(cause, depth + 1)
  }
  visit(error, 0)
  return texts.length === 0 ? String(error) : texts.join(': ')
}

export function sinkError(what: string, error: unknown): FeedError {
  if (error instanceof FeedError) return error
  return new FeedError('FEED_SINK', `${what}: ${flatMessage(error)}`, { cause: error })
}

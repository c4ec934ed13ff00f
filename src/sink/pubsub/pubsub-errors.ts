// Says what a status of gRPC means for the messages of a request, and for the user.

import { FeedError } from '../../errors/feed-error.ts'
import type { Outcome } from '../batching/lane-client.ts'
import { grpcStatus, type GrpcError } from './grpc-channel.ts'
import { isTopicName, topicNameRule } from './topic-name.ts'

const maxSaid = 300

export function grpcFailed(name: string, error: GrpcError, topic: string): FeedError {
  const status = grpcStatus[error.status] ?? `status ${error.status}`
  const said = withoutNotes(error.message).slice(0, maxSaid)
  return new FeedError('FEED_SINK', `${name} answered ${status}${said === '' ? '' : `: ${said}`}`, {
    hint: hintOf(error, topic),
    cause: error,
  })
}

/** A topic could not be created, or messages may not be published to it. */
export function topicFailed(name: string, topic: string, error: GrpcError): FeedError {
  const failed = grpcFailed(name, error, topic)
  const { status } = error
  if (status !== grpcStatus.PERMISSION_DENIED && status !== grpcStatus.NOT_FOUND) return failed
  return new FeedError('FEED_SINK', `the topic ${topic} is not there, or not for this account: ${failed.message}`, {
    hint: 'check the project; create the topic and give the account the role Pub/Sub Publisher, or give it the role Pub/Sub Editor, which may create topics',
    cause: error,
  })
}

/** Returns the outcome for the batch of a request that failed. */
export function outcomeOf(name: string, error: GrpcError, topic: string): Outcome {
  if (isTooLarge(error)) return { tag: 'too-large' }
  const failed = grpcFailed(name, error, topic)
  // With three attempts, a quota would make the changefeed repeat everything since its checkpoint, which is the last thing it needs.
  if (error.status === grpcStatus.RESOURCE_EXHAUSTED) return { tag: 'later', error: failed }
  return { tag: 'failed', error: failed }
}

/** Returns what the library says without when it said so, and without notes of its own. */
function withoutNotes(message: string): string {
  const [, last] =
    /^No connection established\. Last error: (?:Error: )?(.*?)(?: \(\d{4}-[^)]*\))?\. Resolution note:/.exec(
      message,
    ) ?? []
  return last === undefined ? message : `no connection was established: ${last}`
}

function isTooLarge({ status, message }: GrpcError): boolean {
  if (status !== grpcStatus.INVALID_ARGUMENT && status !== grpcStatus.RESOURCE_EXHAUSTED) return false
  return /(?:size|message|payload|request).*(?:exceeds|too large|larger than)/i.test(message) && !/quota/i.test(message)
}

function hintOf({ status, message }: GrpcError, topic: string): string | undefined {
  if (status === grpcStatus.PERMISSION_DENIED)
    return 'give the account the role Pub/Sub Publisher on the topic; Pub/Sub Editor may create topics, too'
  if (status === grpcStatus.UNAUTHENTICATED)
    return 'check CREDENTIALS, or with AUTH=implicit the credentials of the machine'
  if (status === grpcStatus.INVALID_ARGUMENT && !isTopicName(topic.replace(/^projects\/[^/]+\/topics\//, '')))
    return `${topicNameRule}: give topic_name`
  if (status === grpcStatus.INVALID_ARGUMENT && /schema/i.test(message))
    return 'the schema of the topic does not fit the messages of changefeeds: take a topic without a schema'
  if (status === grpcStatus.UNAVAILABLE) return hintOfConnection(message)
  return undefined
}

function hintOfConnection(message: string): string | undefined {
  if (/resolution failed/i.test(message)) return 'check the region, and the name service of the server'
  if (/Protocol error/.test(message))
    return 'what answers there does not speak gRPC: PUBSUB_EMULATOR_HOST, if it is set, names the host and the port of an emulator; otherwise a proxy may be in between'
  if (/ECONNREFUSED/.test(message))
    return 'nothing listens there: check PUBSUB_EMULATOR_HOST, if it is set, and whether the emulator runs'
  return undefined
}

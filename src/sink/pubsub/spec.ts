// A Pub/Sub sink as data: what a sink URI and the options say, read and checked. The data can be cloned into another thread.
// It contains credentials, so it must never be logged.

import type { SinkSpec } from '../../core/feed-spec.ts'
import type { BatchFlush } from '../batching/read-batch-config.ts'
import type { RetryBounds } from '../batching/retry.ts'
import type { GoogleCredentials } from '../google-credentials.ts'

export interface PubsubSinkSpec extends SinkSpec {
  readonly tag: 'pubsub'
  readonly project: string
  /** Undefined: the global endpoint, where Google chooses a region for each request. */
  readonly region: string | undefined
  /** Messages have ordering keys. */
  readonly isOrdered: boolean
  /** Name of the topic of each target. */
  readonly topics: readonly string[]
  /** The attribute TABLE_NAME of messages of each target; undefined: messages have no attributes. */
  readonly tableNames: readonly string[] | undefined
  readonly format: 'json' | 'csv'
  readonly credentials: GoogleCredentials
  readonly flush: BatchFlush
  readonly retry: RetryBounds
}

const globalHost = 'pubsub.googleapis.com'
const defaultEmulatorPort = 8085

export interface PubsubEndpoint {
  readonly host: string
  readonly port: number
  /** It is an emulator, which knows no TLS and no credentials. */
  readonly isEmulator: boolean
}

/** `emulator`: host and port of an emulator in place of Google, as `PUBSUB_EMULATOR_HOST` names it; empty or undefined: there is none. */
export function endpointOf({ region }: Pick<PubsubSinkSpec, 'region'>, emulator: string | undefined): PubsubEndpoint {
  if (emulator !== undefined && emulator !== '') {
    const [, host = emulator, port] = /^(?:https?:\/\/)?(\[.*\]|[^:/]*)(?::(\d+))?\/?$/.exec(emulator) ?? []
    return { host, port: port === undefined ? defaultEmulatorPort : Number(port), isEmulator: true }
  }
  return { host: region === undefined ? globalHost : `${region}-${globalHost}`, port: 443, isEmulator: false }
}

/** Returns the name of Pub/Sub in messages. */
export function nameOf({ project }: Pick<PubsubSinkSpec, 'project'>): string {
  return `Pub/Sub (project ${project})`
}

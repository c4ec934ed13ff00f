// The connections of a client of object storage. They follow HTTP_PROXY, HTTPS_PROXY and NO_PROXY, and refuse addresses that sinks
// may not reach once the name of a host is resolved.

import { Agent as PlainAgent } from 'node:http'
import { Agent as TlsAgent } from 'node:https'
import { metadataLookup, type Resolve } from '../../../net/guarded-lookup.ts'
import type { StorageOpening } from '../storage-client.ts'
import { trusting } from './custom-ca.ts'

export interface Agents extends Disposable {
  readonly http: PlainAgent
  readonly https: TlsAgent
}

export type AgentsOpening = Pick<StorageOpening, 'mayReachMetadata'> & Partial<Pick<StorageOpening, 'customCa'>>

export interface AgentOptions {
  readonly maxSockets?: number
  /** For tests. */
  readonly resolve?: Resolve
}

export function makeAgents(
  { mayReachMetadata, customCa }: AgentsOpening,
  { maxSockets = 8, resolve }: AgentOptions = {},
): Agents {
  const lookup = metadataLookup({ mayReachMetadata }, resolve)
  const options = { keepAlive: true, maxSockets, lookup, proxyEnv: process.env } as const
  const http = new PlainAgent(options)
  const https = new TlsAgent({ ...options, ...trusting(customCa) })
  return {
    http,
    https,
    [Symbol.dispose]() {
      http.destroy()
      https.destroy()
    },
  }
}

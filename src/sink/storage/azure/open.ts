// Opens a client of Azure Blob Storage.

import { ClientSecretCredential, DefaultAzureCredential } from '@azure/identity'
import {
  AnonymousCredential,
  ContainerClient,
  newPipeline,
  StorageSharedKeyCredential,
  type StoragePipelineOptions,
} from '@azure/storage-blob'
import type { Agent } from 'node:http'
import { makeAgents, type Agents, type AgentsOpening } from '../cloud/agents.ts'
import type { StorageClient, StorageOpening } from '../storage-client.ts'
import { AzureClient } from './azure-client.ts'
import type { AzureLocation } from './location.ts'

export type AzureOpening = Pick<StorageOpening, 'log'> &
  AgentsOpening & {
    /** For tests. */
    readonly idleMs?: number
    readonly agents?: Agents
  }

export async function open(location: AzureLocation, opening: AzureOpening): Promise<StorageClient> {
  const { log, idleMs, agents = makeAgents(opening) } = opening
  const isTls = location.url.startsWith('https:')
  // The library hands these on to its requests.
  const options: StoragePipelineOptions & { readonly agent: Agent; readonly redirectOptions: object } = {
    // The sink sends again what has failed.
    retryOptions: { maxTries: 1 },
    redirectOptions: { maxRetries: 0 },
    userAgentOptions: { userAgentPrefix: 'pg-changefeed' },
    agent: isTls ? agents.https : agents.http,
  }
  const connect = (): ContainerClient => {
    const { credentials, url, bucket } = location
    const query = credentials.tag === 'sas' ? `?${credentials.token}` : ''
    const pipeline = newPipeline(credentialOf(location), options)
    return new ContainerClient(`${url}/${encodeURIComponent(bucket)}${query}`, pipeline)
  }
  return new AzureClient({
    location,
    connect,
    log,
    close: () => agents[Symbol.dispose](),
    ...(idleMs === undefined ? {} : { idleMs }),
  })
}

function credentialOf({ credentials, account, authority: authorityHost }: AzureLocation) {
  const options = { authorityHost, retryOptions: { maxRetries: 0 } }
  switch (credentials.tag) {
    case 'key':
      return new StorageSharedKeyCredential(account, credentials.key)
    case 'sas':
      return new AnonymousCredential()
    case 'client':
      return new ClientSecretCredential(credentials.tenant, credentials.id, credentials.secret, options)
    case 'implicit':
      return new DefaultAzureCredential(options)
  }
}

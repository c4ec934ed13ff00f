// Opens a client of Google Cloud Storage.

import { FeedError } from '../../../errors/feed-error.ts'
import { readGoogleKey, type GoogleCredentials } from '../../google-credentials.ts'
import { GoogleTokens } from '../../google-tokens.ts'
import { makeAgents, type Agents, type AgentsOpening } from '../cloud/agents.ts'
import type { StorageClient, StorageOpening } from '../storage-client.ts'
import { GsClient } from './gs-client.ts'
import { googleUrl, type GsLocation } from './location.ts'

const scope = 'https://www.googleapis.com/auth/devstorage.read_write'

export type GsOpening = Pick<StorageOpening, 'defaultKey' | 'log'> &
  AgentsOpening & {
    /** For tests. */
    readonly idleMs?: number
    readonly agents?: Agents
    readonly url?: string
    readonly fetch?: typeof fetch
  }

export async function open(location: GsLocation, opening: GsOpening): Promise<StorageClient> {
  const { log, idleMs, fetch: own } = opening
  const emulator = emulatorUrl()
  const credentials = credentialsOf(location, opening.defaultKey)
  return new GsClient({
    location,
    url: opening.url ?? emulator ?? googleUrl,
    agents: opening.agents ?? makeAgents(opening),
    tokens:
      emulator === undefined
        ? new GoogleTokens({ credentials, scopes: [scope], ...(own === undefined ? {} : { fetch: own }) })
        : undefined,
    log,
    ...(idleMs === undefined ? {} : { idleMs }),
  })
}

/** The libraries of Google follow the same variable, and send no token then. */
function emulatorUrl(): string | undefined {
  const host = process.env['STORAGE_EMULATOR_HOST'] ?? ''
  if (host === '') return undefined
  return (host.includes('://') ? host : `http://${host}`).replace(/\/$/, '')
}

function credentialsOf({ credentials, isDefault }: GsLocation, defaultKey: string | undefined): GoogleCredentials {
  if (isDefault !== true || defaultKey === undefined) return credentials
  const refused = (message: string): FeedError =>
    new FeedError('FEED_SINK', message, { hint: 'an admin sets it to the content of the key file' })
  return { ...credentials, key: readGoogleKey(defaultKey, refused, 'cloudstorage.gs.default.key') }
}

// Opens a client of S3.

import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import { makeAgents, type Agents, type AgentsOpening } from '../cloud/agents.ts'
import { connectMs, idleMs } from '../cloud/cloud-trouble.ts'
import type { StorageClient, StorageOpening } from '../storage-client.ts'
import { credentialsOf } from './credentials.ts'
import { defaultRegion, type S3Location } from './location.ts'
import { S3StorageClient } from './s3-client.ts'

export type S3Opening = Pick<StorageOpening, 'allowedHosts' | 'log'> &
  AgentsOpening & {
    /** For tests. */
    readonly idleMs?: number
    readonly agents?: Agents
  }

const nothing = (): void => undefined
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing }

export async function open(location: S3Location, opening: S3Opening): Promise<StorageClient> {
  const { agents = makeAgents(opening) } = opening
  const requestHandler = {
    connectionTimeout: connectMs,
    socketTimeout: opening.idleMs ?? idleMs,
    httpAgent: agents.http,
    httpsAgent: agents.https,
  }
  const { AWS_REGION, AWS_DEFAULT_REGION } = process.env
  const firstRegion = location.region ?? AWS_REGION ?? AWS_DEFAULT_REGION ?? defaultRegion
  const mayGoElsewhere = location.region === undefined && (opening.allowedHosts ?? []).length === 0
  const connect = (region = firstRegion): S3Client => {
    const config: S3ClientConfig = {
      region,
      credentials: credentialsOf(location, { region, requestHandler }),
      ...(location.endpoint === undefined ? {} : { endpoint: location.endpoint }),
      forcePathStyle: location.isPathStyle,
      // The sink sends again what has failed.
      maxAttempts: 1,
      // With connections of ours the library does not wait for the answer.
      expectContinueHeader: false,
      // Otherwise it writes on the standard error of the server.
      logger: silent,
      requestChecksumCalculation: location.skipsChecksum === true ? 'WHEN_REQUIRED' : 'WHEN_SUPPORTED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler,
      customUserAgent: 'pg-changefeed',
    }
    return new S3Client(config)
  }
  return new S3StorageClient({
    location,
    connect,
    mayGoElsewhere,
    log: opening.log,
    close: () => agents[Symbol.dispose](),
  })
}

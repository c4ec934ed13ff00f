// What an error of Azure Blob Storage means for the sink.

import { FeedError } from '../../../errors/feed-error.ts'
import { shownPlace } from '../cloud/bucket-place.ts'
import { addressOf } from '../cloud/cloud-parameters.ts'
import { isLater, pauseOf, reasonOf, unreachable } from '../cloud/cloud-trouble.ts'
import { foreignAnswer, type FarEnd } from '../cloud/foreign-answer.ts'
import { saidBy } from '../../said-by.ts'
import type { StorageTrouble } from '../storage-client.ts'
import { isOwnEndpoint, type AzureLocation } from './location.ts'

interface AzureError extends Error {
  readonly statusCode?: number
  readonly code?: string
  readonly details?: { readonly errorCode?: string }
  readonly response?: { readonly headers?: { get(name: string): string | undefined } }
}

export function azureTrouble(thrown: unknown, location: AzureLocation): StorageTrouble {
  const name = shownPlace('azure-blob', location)
  const { statusCode: status, name: kind = '' } = thrown as AzureError
  // Errors of the library of tokens: AuthenticationError, CredentialUnavailableError, AggregateAuthenticationError.
  if (/Authentication|Credential/.test(kind)) return noToken(thrown as AzureError, location)
  // The library reads members that Azure always sends.
  if (thrown instanceof TypeError && (thrown as NodeJS.ErrnoException).code === undefined)
    return { tag: 'failed', error: foreignAnswer(farEnd(location), {}) }
  if (status === undefined) return unreachable(farEnd(location), thrown, secretsOf(location))
  const code = codeOf(thrown as AzureError)
  const { headers } = (thrown as AzureError).response ?? {}
  const pauseMs = pauseOf(headers?.get('retry-after'))
  const isOfAzure = code !== undefined || ofAzure.some((header) => headers?.get(header) !== undefined)
  // What stands before Azure may be in trouble, too, and answer with a page of its own.
  if (status < 500 && !isOfAzure) {
    const error = foreignAnswer(farEnd(location), { status, contentType: headers?.get('content-type') })
    return { tag: status < 300 || isLater(status) ? 'failed' : 'refused', error, pauseMs }
  }
  // The rest is an id and a time.
  const [first = ''] = (thrown as Error).message.split(/\r?\n/)
  const said = isOfAzure ? saidBy(first, secretsOf(location)) : ''
  const named = code === undefined ? '' : ` ${code}`
  const error = new FeedError(
    'FEED_SINK',
    `${name}: Azure answered ${status}${named}${said === '' ? '' : `: ${said}`}`,
    {
      hint: hintOf(status, code, location),
    },
  )
  if (isRenewable(location) && (status === 401 || code === 'AuthenticationFailed')) return { tag: 'expired', error }
  return { tag: isLater(status) ? 'failed' : 'refused', error, pauseMs }
}

/** Headers that every answer of Azure has, one of them at least. */
const ofAzure = ['x-ms-request-id', 'x-ms-version', 'x-ms-error-code']

function farEnd(location: AzureLocation): FarEnd {
  return {
    name: shownPlace('azure-blob', location),
    whose: 'Azure',
    ...addressOf(location.url),
    isTls: location.url.startsWith('https:'),
    namedBy: isOwnEndpoint(location) ? 'AZURE_ENDPOINT' : undefined,
  }
}

/** Whether new credentials can be fetched. */
export function isRenewable({ credentials }: AzureLocation): boolean {
  return credentials.tag === 'client' || credentials.tag === 'implicit'
}

/** Whether the far end knows the credentials, which lack a right. */
export function lacksRight(thrown: unknown): boolean {
  const code = codeOf(thrown as AzureError)
  return code === 'AuthorizationPermissionMismatch' || code === 'AuthorizationResourceTypeMismatch'
}

function codeOf({ code, details }: AzureError): string | undefined {
  const found = details?.errorCode ?? code
  return found !== undefined && /^[A-Z][A-Za-z]+$/.test(found) ? found : undefined
}

function noToken(thrown: AzureError, location: AzureLocation): StorageTrouble {
  const reason = saidBy(reasonOf(thrown), secretsOf(location))
  // The library keeps what it knows about the network to itself.
  const isUnreachable = /\b(?:network_error|endpoints_resolution_error)\b/.test(reason)
  const said = isUnreachable ? `${location.authority} cannot be reached` : reason
  const hint = isUnreachable
    ? 'HTTPS_PROXY in the environment of the server names a proxy, if there has to be one'
    : location.credentials.tag === 'client'
      ? 'AZURE_CLIENT_SECRET is the value of the secret, not its id, and it may have expired'
      : 'they come from AZURE_CLIENT_ID and the like in the environment of the server, a workload identity, or the managed identity of the machine'
  const name = shownPlace('azure-blob', location)
  const error = new FeedError('FEED_SINK', `${name}: there is no token for Azure: ${said}`, { hint })
  const isRefused = thrown.statusCode !== undefined && !isLater(thrown.statusCode)
  return { tag: isRefused ? 'refused' : 'failed', error }
}

function hintOf(
  status: number,
  code: string | undefined,
  { bucket, account, credentials }: AzureLocation,
): string | undefined {
  if (code === 'ContainerNotFound')
    return `create the container ${bucket} in the account ${account}, or correct its name`
  if (code === 'AuthenticationFailed' && credentials.tag === 'key') {
    return 'AZURE_ACCOUNT_KEY is no key of the account; in a URI + is written %2B and / is written %2F'
  }
  if (code === 'AuthenticationFailed' && credentials.tag === 'sas') {
    return 'AZURE_SAS_TOKEN may have ended, or not be percent-encoded: create the changefeed again with another one'
  }
  if (code === 'AuthorizationFailure') {
    return 'the network rules of the account may not let this machine in, or the key is no key of the account'
  }
  if (status === 403)
    return `the credentials need to write blobs in ${bucket}: the role Storage Blob Data Contributor, or a signature with the rights c and w`
  if (status === 401) return 'the account takes other credentials'
  return undefined
}

function secretsOf({ credentials }: AzureLocation): readonly string[] {
  switch (credentials.tag) {
    case 'key':
      return [credentials.key]
    case 'sas':
      return [credentials.token, new URLSearchParams(credentials.token).get('sig') ?? credentials.token]
    case 'client':
      return [credentials.secret]
    case 'implicit':
      return []
  }
}

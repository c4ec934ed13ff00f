// azure-blob://container/path: block blobs in a container of Azure Blob Storage. azure:// is an older name of the same.

import type { UriParts } from '../../sink-facts.ts'
import type { SinkParameters } from '../../sink-parameters.ts'
import { readBucketPlace, shownPlace } from '../cloud/bucket-place.ts'
import { addressOf, plainNotices, readAuth, readEndpoint, readKey, refuseUnused } from '../cloud/cloud-parameters.ts'
import type { StorageKind } from '../storage-kind.ts'
import { blobsUrl, clouds, isOwnEndpoint, type AzureCredentials, type AzureLocation } from './location.ts'
import { azureParameters } from './parameters.ts'

const ofKeys = ['AZURE_ACCOUNT_KEY', 'AZURE_SAS_TOKEN'] as const
const ofClients = ['AZURE_CLIENT_ID', 'AZURE_CLIENT_SECRET', 'AZURE_TENANT_ID'] as const

export const azure: StorageKind<AzureLocation> = {
  tag: 'azure',
  label: 'Azure Blob Storage',
  schemes: ['azure-blob', 'azure'],
  oldSchemes: ['azure-storage'],
  example: 'azure-blob://container/path?AZURE_ACCOUNT_NAME=…&AZURE_ACCOUNT_KEY=…',
  parameters: azureParameters,
  readLocation,
  shownAs: (location) => shownPlace('azure-blob', location),
  notices: ({ url }) => plainNotices(url, 'AZURE_ENDPOINT'),
  addresses: ({ url, authority, credentials }) =>
    credentials.tag === 'client' ? [addressOf(url), addressOf(authority)] : [addressOf(url)],
  isImplicit: ({ credentials }) => credentials.tag === 'implicit',
  ownServer: (location) => (isOwnEndpoint(location) ? 'custom endpoints for Azure' : undefined),
  open: () => import('./open.ts'),
}

function readLocation(uri: UriParts): AzureLocation {
  const { parameters } = uri
  const place = readBucketPlace(uri, {
    missing: 'empty host component; azure URI must specify a target container',
    example: 'azure-blob://container/path?AZURE_ACCOUNT_NAME=…&AZURE_ACCOUNT_KEY=…',
  })
  const account = needed(parameters, 'AZURE_ACCOUNT_NAME', 'it is the name of the storage account')
  if (!/^[a-z0-9]+$/i.test(account)) throw parameters.refused('AZURE_ACCOUNT_NAME is no name of a storage account')
  const written = parameters.text('AZURE_ENVIRONMENT')
  const environment = (written ?? 'AZUREPUBLICCLOUD').toUpperCase()
  const cloud = Object.hasOwn(clouds, environment) ? clouds[environment] : undefined
  if (cloud === undefined) {
    throw parameters.refused(`unsupported value ${environment} for AZURE_ENVIRONMENT`, Object.keys(clouds).join(', '))
  }
  const own = readEndpoint(parameters, 'AZURE_ENDPOINT')
  const credentials = readCredentials(parameters)
  if (own !== undefined && written !== undefined && (credentials.tag === 'key' || credentials.tag === 'sas'))
    throw parameters.refused('AZURE_ENVIRONMENT has no use with AZURE_ENDPOINT', 'leave out AZURE_ENVIRONMENT')
  return {
    tag: 'azure',
    ...place,
    url: own ?? blobsUrl(account, cloud.blobs),
    account,
    credentials,
    authority: cloud.authority,
  }
}

function readCredentials(parameters: SinkParameters<string>): AzureCredentials {
  const auth = readAuth(parameters, ['specified', 'implicit'])
  if (auth === 'implicit') {
    const because = 'with AUTH=implicit, for which the server has credentials of its own'
    refuseUnused(parameters, [...ofKeys, ...ofClients], because)
    return { tag: 'implicit' }
  }
  if (auth === 'specified') {
    refuseUnused(parameters, ofKeys, 'with AUTH=specified, which is for clients of a tenant')
    const hint = 'AUTH=specified needs AZURE_CLIENT_ID, AZURE_CLIENT_SECRET and AZURE_TENANT_ID'
    const id = needed(parameters, 'AZURE_CLIENT_ID', hint)
    const secret = needed(parameters, 'AZURE_CLIENT_SECRET', hint)
    const tenant = needed(parameters, 'AZURE_TENANT_ID', hint)
    if (/^[A-Za-z0-9.-]+$/.test(tenant)) return { tag: 'client', id, secret, tenant }
    throw parameters.refused('AZURE_TENANT_ID is no tenant', 'it is an id or the name of a domain')
  }
  refuseUnused(parameters, ofClients, 'without AUTH=specified')
  const token = parameters.text('AZURE_SAS_TOKEN')?.replace(/^\?/, '')
  if (token !== undefined && token !== '') {
    refuseUnused(parameters, ['AZURE_ACCOUNT_KEY'], 'with AZURE_SAS_TOKEN')
    if (/\bsig=/.test(token)) return { tag: 'sas', token }
    throw parameters.refused('AZURE_SAS_TOKEN has no signature', 'percent-encode the whole token: & is written %26')
  }
  const key = readKey(parameters, 'AZURE_ACCOUNT_KEY')
  const hint = 'give AZURE_ACCOUNT_KEY or AZURE_SAS_TOKEN, or AUTH=implicit to use the credentials of the server'
  if (key === undefined) throw parameters.refused('AZURE_ACCOUNT_KEY is not set', hint)
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(key)) return { tag: 'key', key }
  throw parameters.refused(
    'param AZURE_ACCOUNT_KEY must be base 64 encoded',
    'use the key as the Azure portal shows it, with + and / written %2B and %2F',
  )
}

function needed(parameters: SinkParameters<string>, name: string, hint: string): string {
  const text = parameters.text(name)
  if (text === undefined || text === '') throw parameters.refused(`${name} is not set`, hint)
  return text
}

// Where the blobs of a changefeed go in Azure, for what reads URIs and for the client, which is loaded later.

import type { BucketPlace } from '../cloud/bucket-place.ts'
import type { StorageLocation } from '../storage-kind.ts'

export interface AzureLocation extends StorageLocation, BucketPlace {
  readonly tag: 'azure'
  /** The URL of the blobs of the account, without a slash at its end. */
  readonly url: string
  readonly account: string
  readonly credentials: AzureCredentials
  /** Where tokens are fetched. */
  readonly authority: string
}

export type AzureCredentials =
  | { readonly tag: 'implicit' }
  | { readonly tag: 'key'; readonly key: string }
  /** Without a question mark. */
  | { readonly tag: 'sas'; readonly token: string }
  | { readonly tag: 'client'; readonly tenant: string; readonly id: string; readonly secret: string }

export const clouds: Readonly<Record<string, { readonly blobs: string; readonly authority: string }>> = {
  AZUREPUBLICCLOUD: { blobs: 'blob.core.windows.net', authority: 'https://login.microsoftonline.com' },
  AZURECHINACLOUD: { blobs: 'blob.core.chinacloudapi.cn', authority: 'https://login.partner.microsoftonline.cn' },
  AZUREGERMANCLOUD: { blobs: 'blob.core.cloudapi.de', authority: 'https://login.microsoftonline.de' },
  AZUREUSGOVERNMENTCLOUD: { blobs: 'blob.core.usgovcloudapi.net', authority: 'https://login.microsoftonline.us' },
}

/** Whether the URI names another host than the clouds of Azure have for the account. */
export function isOwnEndpoint({ account, url }: Pick<AzureLocation, 'account' | 'url'>): boolean {
  return !Object.values(clouds).some(({ blobs }) => url === blobsUrl(account, blobs))
}

export function blobsUrl(account: string, blobs: string): string {
  return `https://${account}.${blobs}`
}

// gs://bucket/path: objects in a bucket of Google Cloud Storage.

import { googleTokenAddresses, readGoogleCredentials, type GoogleCredentials } from '../../google-credentials.ts'
import type { UriParts } from '../../sink-facts.ts'
import { readBucketPlace, shownPlace, type BucketPlace } from '../cloud/bucket-place.ts'
import { readAuth } from '../cloud/cloud-parameters.ts'
import type { StorageKind, StorageLocation } from '../storage-kind.ts'
import { gsParameters } from './parameters.ts'

export interface GsLocation extends StorageLocation, BucketPlace {
  readonly tag: 'gs'
  readonly credentials: GoogleCredentials
  /** The key in cloudstorage.gs.default.key is used, if there is one; the credentials are implicit then. */
  readonly isDefault?: true | undefined
}

export const googleUrl = 'https://storage.googleapis.com'

export const gs: StorageKind<GsLocation> = {
  tag: 'gs',
  label: 'Google Cloud Storage',
  schemes: ['gs'],
  example: 'gs://bucket/path?AUTH=specified&CREDENTIALS=…',
  parameters: gsParameters,
  readLocation,
  shownAs: (location) => shownPlace('gs', location),
  addresses: ({ credentials }) => [{ host: 'storage.googleapis.com', port: 443 }, ...googleTokenAddresses(credentials)],
  isImplicit: ({ credentials, isDefault }, { defaultKey }) =>
    credentials.key.tag === 'implicit' && !(isDefault === true && defaultKey !== undefined),
  open: () => import('./open.ts'),
}

function readLocation(uri: UriParts): GsLocation {
  const { parameters } = uri
  const place = readBucketPlace(uri, {
    missing: 'empty host component; gs URI must specify a target bucket',
    example: 'gs://bucket/path?AUTH=implicit',
  })
  const auth = readAuth(parameters, ['specified', 'implicit', 'default']) ?? 'default'
  const credentials = readGoogleCredentials(parameters, auth === 'default' ? 'implicit' : auth)
  return { tag: 'gs', ...place, credentials, ...(auth === 'default' ? { isDefault: true } : {}) }
}

// gs://bucket/path: objects in a bucket of Google Cloud Storage.

import { googleTokenAddresses, readGoogleCredentials } from '../../google-credentials.ts'
import type { UriParts } from '../../sink-facts.ts'
import { readBucketPlace, shownPlace } from '../cloud/bucket-place.ts'
import { readAuth } from '../cloud/cloud-parameters.ts'
import type { StorageKind } from '../storage-kind.ts'
import type { GsLocation } from './location.ts'
import { gsParameters } from './parameters.ts'

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

// Where the objects of a changefeed go in Google Cloud Storage, for what reads URIs and for the client, which is loaded later.

import type { GoogleCredentials } from '../../google-credentials.ts'
import type { BucketPlace } from '../cloud/bucket-place.ts'
import type { StorageLocation } from '../storage-kind.ts'

export interface GsLocation extends StorageLocation, BucketPlace {
  readonly tag: 'gs'
  readonly credentials: GoogleCredentials
  /** The key in cloudstorage.gs.default.key is used, if there is one; the credentials are implicit then. */
  readonly isDefault?: true | undefined
}

export const googleUrl = 'https://storage.googleapis.com'

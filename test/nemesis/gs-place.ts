// A bucket of a service with the API of Google Cloud Storage as a place for files.

import { join } from 'node:path'
import { googleError, type FakeGcs } from '../services/storage/fake-gcs.ts'
import type { FolderCopy } from '../services/storage/folder-copy.ts'
import { bucketPlace } from './bucket-place.ts'
import type { FilesPlace } from './files-far-end.ts'

/** `copy`: of the bucket. */
export function gsPlace(gcs: FakeGcs, bucket: string, copy: FolderCopy): FilesPlace {
  return bucketPlace({
    name: 'gs',
    uri: (folder) => `gs://${bucket}/${folder}?AUTH=implicit`,
    folderOf: (folder) => join(copy.folder, folder),
    front: gcs.front,
    troubled: gcs,
    refusals: [
      [2, googleError(500)],
      [1, googleError(503)],
      [1, googleError(429)],
      [1, googleError(401)],
      [1, googleError(403)],
    ],
  })
}

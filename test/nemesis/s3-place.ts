// A bucket of a real S3 service as a place for files.

import { s3Error, type Versitygw } from '../services/storage/versitygw.ts'
import { bucketPlace } from './bucket-place.ts'
import type { FilesPlace } from './files-far-end.ts'

export function s3Place(s3: Versitygw, bucket: string): FilesPlace {
  const { front } = s3
  return bucketPlace({
    name: 's3',
    uri: (folder) => `s3://${bucket}/${folder}?${s3.parameters}`,
    folderOf: (folder) => s3.folderOf(bucket, folder),
    front,
    troubled: front,
    refusals: [
      [2, s3Error(500, 'InternalError')],
      [1, s3Error(503, 'SlowDown')],
      [1, s3Error(403, 'ExpiredToken')],
      [1, s3Error(403, 'AccessDenied')],
    ],
  })
}

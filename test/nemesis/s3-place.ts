// A bucket of a real S3 service as a place for files. Its front fails requests, loses answers, and cuts connections.

import { readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { FrontTrouble } from '../services/storage/service-front.ts'
import { s3Error, type Versitygw } from '../services/storage/versitygw.ts'
import { isFolder, namesIn } from '../support/read-folder.ts'
import type { FilesPlace } from './files-far-end.ts'

export function s3Place(s3: Versitygw, bucket: string): FilesPlace {
  const { front } = s3
  return {
    name: 's3',
    // A request takes some milliseconds, most of them in the service.
    smallFile: '5KB',
    uri: (folder) => `s3://${bucket}/${folder}?${s3.parameters}`,
    names(folder) {
      const root = s3.folderOf(bucket, folder)
      return isFolder(root) ? namesIn(root) : []
    },
    file: (folder, name) => readFileSync(join(s3.folderOf(bucket, folder), name)),
    // The service may write an object again under its name, with a later time.
    cameAt: (folder, name) =>
      BigInt(Math.floor(statSync(join(s3.folderOf(bucket, folder), name)).birthtimeMs)) * 1_000_000n,
    remove: (folder) => rmSync(s3.folderOf(bucket, folder), { recursive: true, force: true }),
    fail(random) {
      front.trouble = () =>
        random.pick<FrontTrouble>([
          [4, 'pass'],
          [2, 'lose'],
          [2, 'cut'],
          [1, 'half'],
          [2, s3Error(500, 'InternalError')],
          [1, s3Error(503, 'SlowDown')],
          [1, s3Error(403, 'ExpiredToken')],
          [1, s3Error(403, 'AccessDenied')],
        ])
    },
    calm() {
      front.trouble = () => 'pass'
    },
    break: () => front.break(),
    mend: () => front.mend(),
    cut: () => front.cut(),
  }
}

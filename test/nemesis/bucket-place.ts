// A bucket of a service as a place for files. Its front fails requests, answers in its place, loses answers, and cuts connections.

import { readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { FrontRequest, FrontTrouble, ServiceFront } from '../services/storage/service-front.ts'
import { isFolder, namesIn } from '../support/read-folder.ts'
import type { FilesPlace } from './files-far-end.ts'

export interface BucketPlaceOptions extends Pick<FilesPlace, 'name' | 'uri'> {
  /** Where the objects of a folder are, or a copy of them. */
  readonly folderOf: (folder: string) => string
  readonly front: Pick<ServiceFront, 'break' | 'mend' | 'cut'>
  /** What decides about the requests. */
  readonly troubled: { trouble: (request: FrontRequest) => FrontTrouble }
  /** The answers of the service when it does not take a request, and how often each comes. */
  readonly refusals: readonly (readonly [number, FrontTrouble])[]
}

/** What something in between may answer, which keeps nothing. */
const page = { status: 200, headers: { 'content-type': 'text/html' }, body: '<html><body>Please log in</body></html>' }

export function bucketPlace({ name, uri, folderOf, front, troubled, refusals }: BucketPlaceOptions): FilesPlace {
  return {
    name,
    uri,
    names: (folder) => (isFolder(folderOf(folder)) ? namesIn(folderOf(folder)) : []),
    file: (folder, file) => readFileSync(join(folderOf(folder), file)),
    // The service may write an object again under its name, with a later time.
    cameAt: (folder, file) => BigInt(Math.floor(statSync(join(folderOf(folder), file)).birthtimeMs)) * 1_000_000n,
    remove: (folder) => rmSync(folderOf(folder), { recursive: true, force: true }),
    fail(random) {
      troubled.trouble = () =>
        random.pick<FrontTrouble>([[4, 'pass'], [2, 'lose'], [2, 'cut'], [1, 'half'], [1, page], ...refusals])
    },
    calm() {
      troubled.trouble = () => 'pass'
    },
    break: () => front.break(),
    mend: () => front.mend(),
    cut: () => front.cut(),
  }
}

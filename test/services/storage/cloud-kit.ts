// What the tests of the clients of object storage share, whose services stand behind a front and have a bucket `files`.

import assert from 'node:assert/strict'
import type { StorageClient } from '../../../src/sink/storage/storage-client.ts'
import type { SinkKit } from '../../suites/sink-kit.ts'
import type { ServiceFront } from './service-front.ts'
import { storageKit } from './storage-kit.ts'

export interface CloudService extends AsyncDisposable {
  readonly front: ServiceFront
  objects(bucket: string, folder: string): Promise<ReadonlyMap<string, Buffer>>
}

export interface CloudKitOptions extends Pick<SinkKit, 'skip'> {
  start(): Promise<void>
  /** The service that has been started. */
  service(): CloudService
  /** Opens a client for the bucket `files`. One that is impatient soon gives up a request that is not answered. */
  connect(folder: string, isImpatient: boolean): Promise<StorageClient>
}

export function cloudKit({ skip = false, start, service, connect }: CloudKitOptions): SinkKit {
  let places = 0
  return storageKit({
    skip,
    trouble: 'reported',
    start,
    end: async () => service()[Symbol.asyncDispose](),
    async place({ isImpatient = false }) {
      const folder = `suite/${++places}`
      const { front } = service()
      return {
        open: () => connect(folder, isImpatient),
        objects: () => service().objects('files', folder),
        break: async () => front.break(),
        mend: async () => front.mend(),
      }
    },
  })
}

/** Its name has what URLs need to have encoded. */
export const object = { name: '2026-01-31/a b+c.ndjson', contentType: 'application/x-ndjson' }

export function thrownBy(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => assert.fail('it did not fail'),
    (error: unknown) => error,
  )
}

// Removes the parts of uploads that a crash has left: those of our file names, in the folder of the sink, which were begun more than a day
// ago. An upload that somebody works on is never so old, because every checkpoint finishes it. Where a right is missing
// nothing is removed; a lifecycle rule of the bucket can do the same.

import { AbortMultipartUploadCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import type { S3Location } from './location.ts'
import type { Send } from './request.ts'

const leftoverMs = 86_400_000
/** More are left for the next day. */
const maxPages = 20
const fileName = /^(?:\d{4}-\d\d-\d\d\/(?:\d\d\/)?)?\d{33}-[0-9a-f]{16}-\d+-\d+-[0-9a-f]{8}-[^/]+$/

export class LeftUploads {
  readonly #location: S3Location
  readonly #send: Send
  readonly #stop = new AbortController()
  #nextMs = 0

  constructor(location: S3Location, send: Send) {
    this.#location = location
    this.#send = send
  }

  stop(): void {
    this.#stop.abort()
  }

  /** Does something at most once a day. Nobody waits for it. */
  removeDaily(): void {
    if (Date.now() < this.#nextMs) return
    this.#nextMs = Date.now() + leftoverMs
    this.remove(Date.now() - leftoverMs).catch(() => undefined)
  }

  async remove(beforeMs: number): Promise<void> {
    const { bucket: Bucket, folder } = this.#location
    const Prefix = folder === '' ? '' : `${folder}/`
    let from: { readonly KeyMarker?: string | undefined; readonly UploadIdMarker?: string | undefined } = {}
    for (let page = 0; page < maxPages; page++) {
      const list = new ListMultipartUploadsCommand({ Bucket, Prefix, ...from })
      const found = await this.#send((client, options) => client.send(list, options), this.#stop.signal)
      for (const { Key, UploadId, Initiated } of found.Uploads ?? []) {
        if (Key === undefined || Initiated === undefined || Initiated.getTime() > beforeMs) continue
        if (!Key.startsWith(Prefix) || !fileName.test(Key.slice(Prefix.length))) continue
        const abort = new AbortMultipartUploadCommand({ Bucket, Key, UploadId })
        await this.#send((client, options) => client.send(abort, options), this.#stop.signal)
      }
      if (found.IsTruncated !== true) return
      from = { KeyMarker: found.NextKeyMarker, UploadIdMarker: found.NextUploadIdMarker }
    }
  }
}

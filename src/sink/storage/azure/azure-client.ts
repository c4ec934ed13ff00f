// Writes block blobs into a container of Azure. A small blob is one request, a larger one is a list of blocks, which nobody sees before
// the list is committed. Azure removes blocks that nobody commits after a week.

import type { BlockBlobClient, BlobHTTPHeaders, ContainerClient } from '@azure/storage-blob'
import type { SinkLog } from '../../sink-facts.ts'
import { objectKey, shownPlace } from '../cloud/bucket-place.ts'
import { idleMs as usualIdleMs } from '../cloud/cloud-trouble.ts'
import { contentTypeOf } from '../cloud/content-type.ts'
import { ForeignAnswer } from '../cloud/foreign-answer.ts'
import { inParts, sendParts, sizeOf, streamOf } from '../cloud/parts.ts'
import type { StorageClient, StorageObject, StorageTrouble, StorageUpload } from '../storage-client.ts'
import { azureTrouble, isRenewable, lacksRight } from './azure-trouble.ts'
import type { AzureLocation } from './location.ts'

const mebibyte = 1024 * 1024
/** A larger blob is written in blocks of this size, so many at the same time. */
const wholeBytes = 32 * mebibyte
const blockBytes = 8 * mebibyte
const blocksAtOnce = 4
/** A request that is slower than this has failed. */
const leastBytesPerMs = 50

export interface AzureClientOptions {
  readonly location: AzureLocation
  /** Makes a client that fetches its token anew. */
  readonly connect: () => ContainerClient
  readonly log: SinkLog
  readonly close: () => void
  readonly idleMs?: number
}

export class AzureClient implements StorageClient {
  readonly name: string
  readonly minPartBytes = 4 * mebibyte
  readonly #options: AzureClientOptions
  #container: ContainerClient

  constructor(options: AzureClientOptions) {
    this.#options = options
    this.name = shownPlace('azure-blob', options.location)
    this.#container = options.connect()
  }

  async put(object: StorageObject, pieces: readonly Uint8Array[], signal: AbortSignal): Promise<void> {
    const size = sizeOf(pieces)
    if (size <= wholeBytes) {
      const abortSignal = this.#within(size, signal)
      const [first = new Uint8Array(0), ...others] = pieces
      const body = others.length === 0 ? Buffer.from(first.buffer, first.byteOffset, size) : () => streamOf(pieces)
      const { etag } = await this.#blob(object).upload(body, size, {
        abortSignal,
        blobHTTPHeaders: { blobContentType: contentTypeOf(object) },
      })
      // Something else may answer 201 to whatever it gets, and keep nothing.
      if (etag === undefined) throw new ForeignAnswer({ status: 201 })
      return
    }
    const upload = this.#begin(object)
    await sendParts(inParts(pieces, blockBytes), blocksAtOnce, (part, index) => upload.send(part, index, signal))
    await upload.complete(signal)
  }

  async begin(object: StorageObject): Promise<StorageUpload> {
    return this.#begin(object)
  }

  trouble(error: unknown): StorageTrouble {
    return azureTrouble(error, this.#options.location)
  }

  async renew(): Promise<void> {
    const { location, connect, log } = this.#options
    if (!isRenewable(location)) return
    log('info', `${this.name}: the token is not taken any more; a new one is fetched`)
    this.#container = connect()
  }

  /** Whoever may only write, and not list, has to be let in, so a right that is missing says nothing yet. */
  async check(signal: AbortSignal): Promise<void> {
    const { folder } = this.#options.location
    const list = { prefix: folder === '' ? '' : `${folder}/`, abortSignal: this.#within(0, signal) }
    try {
      await this.#container.listBlobsFlat(list).byPage({ maxPageSize: 1 }).next()
    } catch (error) {
      signal.throwIfAborted()
      if (!lacksRight(error)) throw this.trouble(error).error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.close()
  }

  #begin(object: StorageObject): AzureUpload {
    return new AzureUpload({
      blob: () => this.#blob(object),
      headers: { blobContentType: contentTypeOf(object) },
      within: (bytes, signal) => this.#within(bytes, signal),
    })
  }

  #blob({ name }: StorageObject): BlockBlobClient {
    return this.#container.getBlockBlobClient(objectKey(this.#options.location, name))
  }

  #within(bytes: number, signal: AbortSignal): AbortSignal {
    const { idleMs = usualIdleMs } = this.#options
    return AbortSignal.any([signal, AbortSignal.timeout(idleMs + Math.ceil(bytes / leastBytesPerMs))])
  }
}

interface AzureUploadOptions {
  readonly blob: () => BlockBlobClient
  readonly headers: BlobHTTPHeaders
  readonly within: (bytes: number, signal: AbortSignal) => AbortSignal
}

/** A block that is sent again replaces the one before, and so does a list that is committed again. */
class AzureUpload implements StorageUpload {
  readonly #options: AzureUploadOptions
  #blocks = 0

  constructor(options: AzureUploadOptions) {
    this.#options = options
  }

  async write(part: Uint8Array, signal: AbortSignal): Promise<void> {
    await this.send(part, this.#blocks, signal)
  }

  /** Blocks may be sent side by side. */
  async send(part: Uint8Array, index: number, signal: AbortSignal): Promise<void> {
    const { blob, within } = this.#options
    const abortSignal = within(part.length, signal)
    const { requestId } = await blob().stageBlock(blockId(index), part as Buffer, part.length, { abortSignal })
    if (requestId === undefined) throw new ForeignAnswer({ status: 201 })
    this.#blocks = Math.max(this.#blocks, index + 1)
  }

  async complete(signal: AbortSignal): Promise<void> {
    const { blob, headers: blobHTTPHeaders, within } = this.#options
    const ids = Array.from({ length: this.#blocks }, (_, index) => blockId(index))
    const { etag } = await blob().commitBlockList(ids, { abortSignal: within(0, signal), blobHTTPHeaders })
    if (etag === undefined) throw new ForeignAnswer({ status: 201 })
  }

  async abort(): Promise<void> {
    // To delete the blob would need another right, and Azure removes the blocks itself.
  }
}

/** All ids of a blob have the same length. */
function blockId(index: number): string {
  return Buffer.from(String(index).padStart(9, '0')).toString('base64')
}

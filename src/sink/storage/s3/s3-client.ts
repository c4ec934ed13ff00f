// Writes objects into a bucket of S3. A small object is one request. A larger one is an upload in parts, which nobody sees before
// it is complete, and whose parts are removed when it is given up, or a day later if nobody could.

import { ListObjectsV2Command, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import type { SinkLog } from '../../sink-facts.ts'
import { objectKey, shownPlace } from '../cloud/bucket-place.ts'
import { contentTypeOf } from '../cloud/content-type.ts'
import { ForeignAnswer } from '../cloud/foreign-answer.ts'
import { inParts, sendParts, sizeOf, streamOf } from '../cloud/parts.ts'
import type { StorageClient, StorageObject, StorageTrouble, StorageUpload } from '../storage-client.ts'
import type { S3Location } from './location.ts'
import { LeftUploads } from './left-uploads.ts'
import { checksumOf, signPieces } from './sign-pieces.ts'
import type { ObjectHead, Send } from './request.ts'
import { isRenewable, regionIn, s3Trouble } from './s3-trouble.ts'
import { S3Upload } from './s3-upload.ts'

const mebibyte = 1024 * 1024
/** A larger object is written in parts of this size, so many at the same time. One stream to Amazon is slow. */
const wholeBytes = 32 * mebibyte
const partBytes = 8 * mebibyte
const partsAtOnce = 4

export interface S3ClientOptions {
  readonly location: S3Location
  /** Makes a client that fetches its credentials anew, for the region of the URI or another one. */
  readonly connect: (region?: string) => S3Client
  /** Whether it may go to the region where the far end says that the bucket is. */
  readonly mayGoElsewhere: boolean
  readonly log: SinkLog
  readonly close: () => void
}

export class S3StorageClient implements StorageClient {
  readonly name: string
  readonly minPartBytes = 5 * mebibyte
  readonly #location: S3Location
  readonly #options: S3ClientOptions
  readonly #left: LeftUploads
  #client: S3Client
  /** Undefined: that of the URI. */
  #region: string | undefined
  /** The objects that are being put in parts. */
  readonly #inParts = new Set<Promise<void>>()
  /** The library has the time of the far end from the first answer on that says so. */
  #isSkewed = false

  constructor(options: S3ClientOptions) {
    this.#options = options
    this.#location = options.location
    this.name = shownPlace('s3', options.location)
    this.#client = options.connect()
    this.#left = new LeftUploads(options.location, this.#send)
  }

  async put(object: StorageObject, pieces: readonly Uint8Array[], signal: AbortSignal): Promise<void> {
    const size = sizeOf(pieces)
    if (size > wholeBytes) {
      const put = this.#putInParts(object, pieces, signal)
      this.#inParts.add(put)
      try {
        await put
      } finally {
        this.#inParts.delete(put)
      }
      return
    }
    const [first = new Uint8Array(0), ...others] = pieces
    const head = { ...this.#headOf(object), ContentLength: size }
    const isWhole = others.length === 0
    const sum = isWhole || this.#location.skipsChecksum === true ? {} : { ChecksumCRC32: checksumOf(pieces) }
    const command = new PutObjectCommand({ ...head, ...sum, Body: isWhole ? first : streamOf(pieces) })
    if (!isWhole) signPieces(command, pieces)
    const { ETag, $metadata } = await this.#send((client, options) => client.send(command, options), signal)
    // Something else may answer 200 to whatever it gets, and keep nothing.
    if (ETag === undefined) throw new ForeignAnswer({ status: $metadata.httpStatusCode })
  }

  async begin(object: StorageObject, signal: AbortSignal): Promise<StorageUpload> {
    this.#left.removeDaily()
    return S3Upload.begin(this.#headOf(object), this.#send, signal)
  }

  trouble(error: unknown): StorageTrouble {
    return s3Trouble(error, this.#location)
  }

  async renew(): Promise<void> {
    if (!isRenewable(this.#location)) return
    this.#options.log('info', `${this.name}: the credentials have expired; new ones are fetched`)
    this.#reconnect()
  }

  /** Whoever may only write, and not list, has to be let in, so a right that is missing says nothing yet. */
  async check(signal: AbortSignal): Promise<void> {
    const { bucket, folder } = this.#location
    const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: folder === '' ? '' : `${folder}/`, MaxKeys: 1 })
    try {
      const found = await this.#send((client, options) => client.send(command, options), signal)
      const isList = [found.Name, found.KeyCount, found.IsTruncated, found.Contents].some((its) => its !== undefined)
      if (!isList) throw new ForeignAnswer({ status: found.$metadata.httpStatusCode })
    } catch (thrown) {
      signal.throwIfAborted()
      const region = regionIn(thrown)
      if (region !== undefined && this.#region === undefined && this.#options.mayGoElsewhere) {
        this.#region = region
        this.#reconnect()
        return this.check(signal)
      }
      if ((thrown as Error).name === 'RequestTimeTooSkewed' && !this.#isSkewed) {
        this.#isSkewed = true
        this.#options.log(
          'warn',
          `${this.name}: the clock of this machine is wrong; requests have the time of S3 instead`,
        )
        return this.check(signal)
      }
      if ((thrown as Error).name !== 'AccessDenied') throw this.trouble(thrown).error
    }
    this.#left.removeDaily()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#left.stop()
    // Their signals have aborted. They are not over until S3 has removed what it had of them.
    await Promise.allSettled(this.#inParts)
    this.#client.destroy()
    this.#options.close()
  }

  #reconnect(): void {
    this.#client.destroy()
    this.#client = this.#options.connect(this.#region)
  }

  async #putInParts(object: StorageObject, pieces: readonly Uint8Array[], signal: AbortSignal): Promise<void> {
    const upload = await S3Upload.begin(this.#headOf(object), this.#send, signal)
    try {
      await sendParts(inParts(pieces, partBytes), partsAtOnce, (part, index) => upload.send(part, index + 1, signal))
      await upload.complete(signal)
    } catch (error) {
      await upload.abort()
      throw error
    }
  }

  readonly #send: Send = async (send, signal) => {
    const client = this.#client
    return send(client, { abortSignal: signal })
  }

  #headOf(object: StorageObject): ObjectHead {
    const { storageClass, encryption, skipsChecksum } = this.#location
    return {
      Bucket: this.#location.bucket,
      Key: objectKey(this.#location, object.name),
      ContentType: contentTypeOf(object),
      // An upload in parts has checksums only if it begins with them.
      ...(skipsChecksum === true ? {} : { ChecksumAlgorithm: 'CRC32' }),
      ...(storageClass === undefined ? {} : { StorageClass: storageClass as ObjectHead['StorageClass'] }),
      ...(encryption === undefined ? {} : { ServerSideEncryption: encryption.mode }),
      ...(encryption?.mode === 'aws:kms' ? { SSEKMSKeyId: encryption.keyId } : {}),
    }
  }
}

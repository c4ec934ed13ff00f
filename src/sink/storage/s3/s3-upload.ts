// An upload in parts. A part that has failed is sent again under its number, and replaces what may have arrived.

import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  UploadPartCommand,
  type CompletedPart,
} from '@aws-sdk/client-s3'
import { ForeignAnswer } from '../cloud/foreign-answer.ts'
import type { StorageUpload } from '../storage-client.ts'
import { seeLateErrors } from './late-error.ts'
import type { ObjectHead, Send } from './request.ts'

const abortMs = 10_000
/** So long the answer to a beginning is waited for by who has to end. */
const lateMs = 3000

export class S3Upload implements StorageUpload {
  readonly #place: { readonly Bucket: string; readonly Key: string }
  readonly #id: string
  readonly #send: Send
  /** By number, which begins with 1. */
  readonly #parts = new Map<number, CompletedPart>()
  #bytes = 0
  #phase: 'open' | 'completing' | 'ended' = 'open'

  private constructor({ Bucket, Key }: ObjectHead, id: string, send: Send) {
    this.#place = { Bucket, Key }
    this.#id = id
    this.#send = send
  }

  static async begin(head: ObjectHead, send: Send, signal: AbortSignal): Promise<S3Upload> {
    signal.throwIfAborted()
    const command = new CreateMultipartUploadCommand(head)
    // A request that is given up may have been carried out, and without its answer nobody could remove what it has begun.
    const givenUp = new AbortController()
    let timer: NodeJS.Timeout | undefined
    const end = (): void => {
      timer = setTimeout(() => givenUp.abort(signal.reason), lateMs)
    }
    signal.addEventListener('abort', end, { once: true })
    try {
      const { UploadId, $metadata } = await send((client, options) => client.send(command, options), givenUp.signal)
      if (UploadId === undefined) throw new ForeignAnswer({ status: $metadata.httpStatusCode })
      const upload = new S3Upload(head, UploadId, send)
      if (signal.aborted) await upload.abort()
      signal.throwIfAborted()
      return upload
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
    }
  }

  async write(part: Uint8Array, signal: AbortSignal): Promise<void> {
    await this.send(part, this.#parts.size + 1, signal)
  }

  /** Parts may be sent side by side. */
  async send(part: Uint8Array, number: number, signal: AbortSignal): Promise<void> {
    const command = new UploadPartCommand({
      ...this.#place,
      UploadId: this.#id,
      PartNumber: number,
      Body: part,
      ContentLength: part.length,
    })
    const { ETag, ChecksumCRC32, $metadata } = await this.#send(
      (client, options) => client.send(command, options),
      signal,
    )
    if (ETag === undefined) throw new ForeignAnswer({ status: $metadata.httpStatusCode })
    this.#parts.set(number, { PartNumber: number, ETag, ...(ChecksumCRC32 === undefined ? {} : { ChecksumCRC32 }) })
    this.#bytes += part.length
  }

  async complete(signal: AbortSignal): Promise<void> {
    const isRepeated = this.#phase === 'completing'
    this.#phase = 'completing'
    const Parts = [...this.#parts.values()].sort((a, b) => (a.PartNumber ?? 0) - (b.PartNumber ?? 0))
    const command = new CompleteMultipartUploadCommand({
      ...this.#place,
      UploadId: this.#id,
      MultipartUpload: { Parts },
    })
    const markLate = seeLateErrors(command)
    try {
      const { ETag, $metadata } = await this.#send((client, options) => client.send(command, options), signal)
      if (ETag === undefined) throw new ForeignAnswer({ status: $metadata.httpStatusCode })
    } catch (error) {
      markLate(error)
      // The answer to the first request may have been lost. Then there is no such upload any more, or it has no such parts.
      const isGone = (error as Error).name === 'NoSuchUpload' || (error as Error).name === 'InvalidPart'
      if (!isRepeated || !isGone || !(await this.#isThere(signal))) throw error
    }
    this.#phase = 'ended'
  }

  async abort(): Promise<void> {
    if (this.#phase === 'ended') return
    this.#phase = 'ended'
    const command = new AbortMultipartUploadCommand({ ...this.#place, UploadId: this.#id })
    const signal = AbortSignal.timeout(abortMs)
    await this.#send((client, options) => client.send(command, options), signal).catch(() => undefined)
  }

  async #isThere(signal: AbortSignal): Promise<boolean> {
    const command = new HeadObjectCommand(this.#place)
    const head = await this.#send((client, options) => client.send(command, options), signal).catch(() => undefined)
    return head?.ContentLength === this.#bytes
  }
}

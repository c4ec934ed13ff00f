// A resumable upload. The far end takes multiples of 256 KiB until the last request, and says how far it has come, so that what was
// lost is sent again. An upload that nobody completes is removed by Google after a week.

import type { HttpAnswer, HttpRequest } from '../cloud/http-request.ts'
import type { StorageUpload } from '../storage-client.ts'
import { expectMember, GsAnswer } from './gs-trouble.ts'

const unitBytes = 256 * 1024
const abortMs = 10_000

export class GsUpload implements StorageUpload {
  readonly #session: string
  readonly #send: (request: HttpRequest) => Promise<HttpAnswer>
  /** Bytes that the far end has for certain. */
  #offset = 0
  /** The bytes after them, which are fewer than a unit. */
  #rest: Uint8Array = new Uint8Array(0)
  /** Whether a request has failed, so that the far end may have more. */
  #isUnsure = false
  #isComplete = false

  constructor(session: string, send: (request: HttpRequest) => Promise<HttpAnswer>) {
    this.#session = session
    this.#send = send
  }

  async write(part: Uint8Array, signal: AbortSignal): Promise<void> {
    const bytes = Buffer.concat([this.#rest, part])
    const whole = bytes.length - (bytes.length % unitBytes)
    if (whole > 0) await this.#sendAll(bytes.subarray(0, whole), undefined, signal)
    this.#offset += whole
    // The memory of the part is the caller's again.
    this.#rest = Uint8Array.from(bytes.subarray(whole))
  }

  async complete(signal: AbortSignal): Promise<void> {
    await this.#sendAll(this.#rest, this.#offset + this.#rest.length, signal)
    this.#isComplete = true
  }

  async abort(): Promise<void> {
    if (this.#isComplete) return
    const request = { method: 'DELETE', url: this.#session, headers: {}, signal: AbortSignal.timeout(abortMs) }
    await this.#send(request).catch(() => undefined)
  }

  /** `bytes` come after those that the far end has for certain. With `total` they are the last ones. */
  async #sendAll(bytes: Uint8Array, total: number | undefined, signal: AbortSignal): Promise<void> {
    const end = this.#offset + bytes.length
    let at = this.#offset
    if (this.#isUnsure) {
      const found = await this.#ask('bytes */*', [], signal)
      if (found === 'complete') return
      at = found
    }
    this.#isUnsure = true
    while (at < end || total !== undefined) {
      const rest = bytes.subarray(at - this.#offset)
      const range = rest.length === 0 ? '*' : `${at}-${end - 1}`
      const found = await this.#ask(`bytes ${range}/${total ?? '*'}`, [rest], signal)
      if (found === 'complete') break
      if (found <= at) throw new Error('the far end took no byte of a part')
      at = found
    }
    this.#isUnsure = false
  }

  /** Returns how many bytes the far end has. */
  async #ask(range: string, body: readonly Uint8Array[], signal: AbortSignal): Promise<number | 'complete'> {
    const headers = { 'content-range': range }
    const answer = await this.#send({ method: 'PUT', url: this.#session, headers, body, signal })
    if (answer.status === 200 || answer.status === 201) {
      expectMember(answer, 'name')
      return 'complete'
    }
    if (answer.status !== 308) throw new GsAnswer(answer)
    const [, last] = /-(\d+)$/.exec(answer.headers.range ?? '') ?? []
    const found = last === undefined ? 0 : Number(last) + 1
    // What it had is gone.
    if (found < this.#offset)
      throw new GsAnswer({ ...answer, status: 410, text: '{"error":"the upload has lost bytes"}' })
    return found
  }
}

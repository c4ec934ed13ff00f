// Writes files with PUT. Whether nobody sees half of a file is up to the web server: the length is announced, so that it notices
// a request that was cut off. A redirect is not followed: it may lead to a machine that sinks may not reach.

import { FeedError } from '../../../errors/feed-error.ts'
import { makeAgents, type Agents, type AgentsOpening } from '../cloud/agents.ts'
import { describeAnswer, type Sent } from '../../answer-text.ts'
import { addressOf } from '../cloud/cloud-parameters.ts'
import { idleMs as usualIdleMs, isLater, pauseOf, unreachable } from '../cloud/cloud-trouble.ts'
import type { FarEnd } from '../cloud/foreign-answer.ts'
import { sendRequest, type HttpAnswer, type HttpRequest } from '../cloud/http-request.ts'
import type { StorageClient, StorageObject, StorageOpening, StorageTrouble, StorageUpload } from '../storage-client.ts'
import { shownUrl, type HttpLocation } from './location.ts'

/** Files are written one after the other. */
const maxSockets = 2

export async function open(location: HttpLocation, opening: StorageOpening): Promise<StorageClient> {
  return new HttpClient(location, opening)
}

export interface HttpClientOptions extends Partial<AgentsOpening> {
  readonly idleMs?: number | undefined
}

/** The server has answered, and not taken the file. */
class RefusedFile extends Error {
  readonly status: number
  readonly retryAfter: string | undefined

  constructor({ status, headers, text }: HttpAnswer, sent: () => Sent) {
    const answer = { status, body: Buffer.from(text), encoding: headers['content-encoding'] }
    super(`PUT of a file was answered by ${describeAnswer(answer, sent)}`)
    this.status = status
    this.retryAfter = headers['retry-after']
  }
}

export class HttpClient implements StorageClient {
  readonly name: string
  /** HTTP has no upload in parts that can be repeated, so no file is written in parts. */
  readonly minPartBytes = Number.POSITIVE_INFINITY
  readonly #location: HttpLocation
  readonly #agents: Agents
  readonly #idleMs: number

  constructor(location: HttpLocation, options: HttpClientOptions = {}) {
    const { mayReachMetadata = false, customCa, idleMs = usualIdleMs } = options
    this.#idleMs = idleMs
    this.name = shownUrl(location)
    this.#location = location
    this.#agents = makeAgents({ mayReachMetadata, customCa }, { maxSockets })
  }

  async put(object: StorageObject, pieces: readonly Uint8Array[], signal: AbortSignal): Promise<void> {
    const { name, contentType, contentEncoding } = object
    const encoding = contentEncoding === undefined ? {} : { 'content-encoding': contentEncoding }
    const headers = { 'content-type': contentType, ...encoding }
    const path = name.split('/').map(encodeURIComponent).join('/')
    const answer = await this.#send({ method: 'PUT', headers, body: pieces, signal }, path)
    if (answer.status < 200 || answer.status > 299)
      throw new RefusedFile(answer, () => [...this.#credentials(), path, ...pieces])
  }

  begin(): Promise<StorageUpload> {
    return Promise.reject(new FeedError('FEED_BUG', 'a file was to be sent in parts by HTTP'))
  }

  /** Whatever the server answers, it is there. */
  async check(signal: AbortSignal): Promise<void> {
    try {
      await this.#send({ method: 'HEAD', headers: {}, signal })
    } catch (error) {
      signal.throwIfAborted()
      throw this.trouble(error).error
    }
  }

  trouble(thrown: unknown): StorageTrouble {
    if (!(thrown instanceof RefusedFile)) return unreachable(this.#farEnd(), thrown, this.#credentials())
    const { status, retryAfter, message } = thrown
    const error = new FeedError('FEED_SINK', `${this.name}: ${message}`, { hint: hintOf(status) })
    return { tag: isLater(status) ? 'failed' : 'refused', error, pauseMs: pauseOf(retryAfter) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agents[Symbol.dispose]()
  }

  #farEnd(): FarEnd {
    const { url } = this.#location
    return { name: this.name, whose: 'HTTP', ...addressOf(url), isTls: url.startsWith('https:'), namedBy: undefined }
  }

  /** As they are in the header, and as they are in the URI. */
  #credentials(): readonly string[] {
    const { authorization } = this.#location
    if (authorization === undefined) return []
    const [, encoded = ''] = authorization.split(' ')
    return [authorization, encoded, Buffer.from(encoded, 'base64').toString()]
  }

  #send(request: Omit<HttpRequest, 'url'>, path = ''): Promise<HttpAnswer> {
    const { url, authorization } = this.#location
    const target = new URL(url)
    target.pathname += path
    const headers = { ...request.headers, ...(authorization === undefined ? {} : { authorization }) }
    return sendRequest(this.#agents, this.#idleMs, { ...request, url: target.href, headers })
  }
}

function hintOf(status: number): string {
  if (status === 401 || status === 403)
    return 'the server wants other credentials: file-https://user:password@host/path'
  if (status === 404 || status === 409) return 'the server must make the folders of a file, or have them'
  if (status === 405 || status === 501) return 'the server must take PUT'
  if (status >= 300 && status <= 399) return 'redirects are not followed: name the address to which it leads'
  return 'the log of the server, or of a proxy before it, says why'
}

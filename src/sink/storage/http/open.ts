// Writes files with PUT. Whether nobody sees half of a file is up to the web server: the length is announced, so that it notices
// a request that was cut off. A redirect is not followed: it may lead to a machine that sinks may not reach.

import { Agent as PlainAgent, request as plainRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import { once } from 'node:events'
import { FeedError } from '../../../errors/feed-error.ts'
import { guardedLookup, metadataGuard } from '../../guarded-lookup.ts'
import type { StorageClient, StorageObject, StorageOpening, StorageTrouble, StorageUpload } from '../storage-client.ts'
import { http, type HttpLocation } from './kind.ts'

/** A file that takes longer has failed. */
const timeoutMs = 600_000
/** So has a request on which no byte moves for this time. */
const defaultIdleMs = 60_000

export async function open(location: HttpLocation, { mayReachMetadata }: StorageOpening): Promise<StorageClient> {
  return new HttpClient(location, { mayReachMetadata })
}

export interface HttpClientOptions {
  readonly mayReachMetadata?: boolean
  readonly idleMs?: number | undefined
}

class HttpAnswer extends Error {
  readonly status: number
  readonly retryAfter: string | undefined

  constructor(text: string, { statusCode = 0, headers }: IncomingMessage) {
    super(text)
    this.status = statusCode
    this.retryAfter = headers['retry-after']
  }
}

export class HttpClient implements StorageClient {
  readonly name: string
  /** HTTP has no upload in parts that can be repeated, so no file is written in parts. */
  readonly minPartBytes = Number.POSITIVE_INFINITY
  readonly #location: HttpLocation
  readonly #isTls: boolean
  readonly #agent: PlainAgent
  readonly #idleMs: number

  constructor(location: HttpLocation, { mayReachMetadata = false, idleMs = defaultIdleMs }: HttpClientOptions = {}) {
    this.#idleMs = idleMs
    this.name = http.shownAs(location)
    this.#location = location
    this.#isTls = location.url.startsWith('https:')
    const lookup = guardedLookup(metadataGuard(mayReachMetadata))
    const agentOptions = { keepAlive: true, maxSockets: 2, lookup, proxyEnv: process.env } as const
    this.#agent = this.#isTls ? new TlsAgent(agentOptions) : new PlainAgent(agentOptions)
  }

  async put(object: StorageObject, pieces: readonly Uint8Array[], signal: AbortSignal): Promise<void> {
    const { name, contentType, contentEncoding } = object
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
    const headers = {
      'content-type': contentType,
      'content-length': String(length),
      ...(contentEncoding === undefined ? {} : { 'content-encoding': contentEncoding }),
    }
    const path = name.split('/').map(encodeURIComponent).join('/')
    const sent = this.#request('PUT', { path, headers, signal })
    const answered = answer(sent)
    answered.catch(() => undefined)
    for (const piece of pieces) {
      // A server may refuse a file before all of it was sent.
      if (!sent.write(piece)) await Promise.race([once(sent, 'drain', { signal }), answered])
    }
    sent.end()
    const response = await answered
    const { statusCode = 0, statusMessage = '' } = response
    if (statusCode < 200 || statusCode > 299) {
      throw new HttpAnswer(`PUT of a file was answered by ${statusCode} ${statusMessage}`.trimEnd(), response)
    }
  }

  begin(): Promise<StorageUpload> {
    return Promise.reject(new FeedError('FEED_BUG', 'a file was to be sent in parts by HTTP'))
  }

  /** Whatever the server answers, it is there. */
  async check(signal: AbortSignal): Promise<void> {
    try {
      await answer(this.#request('HEAD', { path: '', headers: {}, signal }))
    } catch (error) {
      signal.throwIfAborted()
      throw this.trouble(error).error
    }
  }

  trouble(error: unknown): StorageTrouble {
    if (error instanceof FeedError) return { tag: error.retry ? 'failed' : 'refused', error }
    if (error instanceof HttpAnswer) {
      const { status, retryAfter, message } = error
      const isLater = status >= 500 || [408, 425, 429].includes(status)
      const found = new FeedError('FEED_SINK', `${this.name}: ${message}`, { hint: hintOf(status) })
      return { tag: isLater ? 'failed' : 'refused', error: found, pauseMs: pauseOf(retryAfter) }
    }
    const [first = error] = error instanceof AggregateError ? error.errors : []
    const { message, code } = first as NodeJS.ErrnoException
    const said = message === '' ? (code ?? 'no reason is given') : message
    return {
      tag: 'failed',
      error: new FeedError('FEED_SINK', `${this.name} cannot be reached: ${said}`, { cause: error }),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy()
  }

  #request(
    method: 'PUT' | 'HEAD',
    { path, headers, signal }: { path: string; headers: Record<string, string>; signal: AbortSignal },
  ): ClientRequest {
    const { url, authorization } = this.#location
    const target = new URL(url)
    target.pathname += path
    const request = (this.#isTls ? tlsRequest : plainRequest)(target, {
      method,
      agent: this.#agent,
      headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      timeout: this.#idleMs,
    })
    return request.once('timeout', () =>
      request.destroy(new Error(`nothing was answered for ${this.#idleMs / 1000} s`)),
    )
  }
}

/** Settles with the answer when all of it has arrived. */
async function answer(sent: ClientRequest): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  sent.once('response', resolve).on('error', reject)
  if (sent.method === 'HEAD') sent.end()
  const response = await promise
  response.resume()
  await once(response, 'end')
  return response
}

function pauseOf(retryAfter: string | undefined): number | undefined {
  if (retryAfter === undefined) return undefined
  const seconds = Number(retryAfter)
  const ms = Number.isNaN(seconds) ? Date.parse(retryAfter) - Date.now() : seconds * 1000
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), 60_000)
}

function hintOf(status: number): string | undefined {
  if (status === 401 || status === 403)
    return 'the server wants other credentials: file-https://user:password@host/path'
  if (status === 405 || status === 501) return 'the server must take PUT'
  if (status >= 300 && status <= 399) return 'redirects are not followed: name the address to which it leads'
  return undefined
}

// Writes objects into a bucket of Google Cloud Storage, with its JSON API. An object is one request; one whose bytes are not all known
// is a resumable upload. Nobody sees either before all of it is there.

import type { GoogleTokens } from '../../google-tokens.ts'
import type { SinkLog } from '../../sink-facts.ts'
import type { Agents } from '../cloud/agents.ts'
import { objectKey, shownPlace } from '../cloud/bucket-place.ts'
import { idleMs as usualIdleMs } from '../cloud/cloud-trouble.ts'
import { contentTypeOf } from '../cloud/content-type.ts'
import { ForeignAnswer } from '../cloud/foreign-answer.ts'
import { sendRequest, type HttpAnswer, type HttpRequest } from '../cloud/http-request.ts'
import type { StorageClient, StorageObject, StorageTrouble, StorageUpload } from '../storage-client.ts'
import { expectMember, GsAnswer, gsTrouble } from './gs-trouble.ts'
import { GsUpload } from './gs-upload.ts'
import type { GsLocation } from './location.ts'

export interface GsClientOptions {
  readonly location: GsLocation
  readonly url: string
  readonly agents: Agents
  /** Undefined: the far end is an emulator, which wants none. */
  readonly tokens: GoogleTokens | undefined
  readonly log: SinkLog
  readonly idleMs?: number
}

export class GsClient implements StorageClient {
  readonly name: string
  readonly minPartBytes = 1024 * 1024
  readonly #options: GsClientOptions

  constructor(options: GsClientOptions) {
    this.#options = options
    this.name = shownPlace('gs', options.location)
  }

  async put(object: StorageObject, pieces: readonly Uint8Array[], signal: AbortSignal): Promise<void> {
    const headers = { 'content-type': contentTypeOf(object) }
    const url = this.#uploadUrl(object, 'media')
    expectMember(expect(await this.#send({ method: 'POST', url, headers, body: pieces, signal }), 200), 'name')
  }

  async begin(object: StorageObject, signal: AbortSignal): Promise<StorageUpload> {
    const headers = { 'x-upload-content-type': contentTypeOf(object) }
    const url = this.#uploadUrl(object, 'resumable')
    const answer = expect(await this.#send({ method: 'POST', url, headers, signal }), 200)
    const session = URL.parse(answer.headers.location ?? 'none:', url)
    // The session is as good as a token.
    if (session?.origin !== new URL(url).origin)
      throw new ForeignAnswer({ status: answer.status, contentType: answer.headers['content-type'] })
    return new GsUpload(session.href, (request) => this.#send(request))
  }

  trouble(error: unknown): StorageTrouble {
    return gsTrouble(error, this.#options.location, this.#options.url)
  }

  async renew(): Promise<void> {
    const { log, tokens } = this.#options
    log('info', `${this.name}: the token is not taken any more; a new one is fetched`)
    tokens?.forget()
  }

  /** Whoever may only write, and not list, has to be let in, so a right that is missing says nothing yet. */
  async check(signal: AbortSignal): Promise<void> {
    const { location, url } = this.#options
    const query = new URLSearchParams({ maxResults: '1', prefix: location.folder, fields: 'kind' })
    const bucket = `${url}/storage/v1/b/${encodeURIComponent(location.bucket)}/o?${query}`
    try {
      const answer = await this.#send({ method: 'GET', url: bucket, headers: {}, signal })
      if (answer.status === 403 && new GsAnswer(answer).isOfGoogle) return
      expectMember(expect(answer, 200), 'kind')
    } catch (error) {
      signal.throwIfAborted()
      throw this.trouble(error).error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.agents[Symbol.dispose]()
  }

  async #send(request: HttpRequest): Promise<HttpAnswer> {
    const { agents, tokens, idleMs = usualIdleMs } = this.#options
    const own = await tokens?.headers(request.signal)
    return sendRequest(agents, idleMs, {
      ...request,
      headers: { ...request.headers, ...Object.fromEntries(own ?? []) },
    })
  }

  #uploadUrl({ name }: StorageObject, uploadType: 'media' | 'resumable'): string {
    const { location, url } = this.#options
    const query = new URLSearchParams({
      uploadType,
      name: objectKey(location, name),
      fields: 'name',
    })
    return `${url}/upload/storage/v1/b/${encodeURIComponent(location.bucket)}/o?${query}`
  }
}

function expect(answer: HttpAnswer, status: number): HttpAnswer {
  if (answer.status !== status) throw new GsAnswer(answer)
  return answer
}

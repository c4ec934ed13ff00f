// Speaks with a schema registry over HTTP. Each call is one attempt: it asks the URLs one after the other until one of them
// answers, the one that answered last first.

import type { RegistrySpec } from '../core/feed-spec.ts'
import { FeedError } from '../errors/feed-error.ts'
import { HttpConnections, type HttpAnswer, type HttpRequest } from './http-exchange.ts'
import { jsonObject, RegistryErrors, type Trouble } from './registry-errors.ts'

const contentType = 'application/vnd.schemaregistry.v1+json'
/** Messages have four bytes for the id. */
const lastId = 0xffff_ffff

export type Registration = { readonly tag: 'id'; readonly id: number } | Trouble

interface Question<Result> extends Pick<HttpRequest, 'method' | 'body' | 'headOnly'> {
  readonly path: string
  /** The subject of the schema; undefined: none. */
  readonly subject?: string
  readonly signal?: AbortSignal
  /** Returns undefined if the answer is not the expected one. */
  readonly read: (answer: HttpAnswer) => Result | undefined
}

export class RegistryClient {
  readonly #spec: RegistrySpec
  readonly #connections: HttpConnections
  readonly #errors: RegistryErrors
  readonly #headers: Readonly<Record<string, string>>
  /** The index of the URL that has answered last. */
  #first = 0

  constructor(spec: RegistrySpec) {
    const { user, password = '' } = spec
    this.#spec = spec
    this.#connections = new HttpConnections(spec)
    this.#errors = new RegistryErrors(spec)
    this.#headers = {
      accept: `${contentType}, application/json`,
      'content-type': contentType,
      ...(user === undefined
        ? {}
        : { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` }),
    }
  }

  /** How messages name the registry. */
  get name(): string {
    return `the schema registry ${this.#spec.urls.join(', ')}`
  }

  /** Never rejects. */
  async register(subject: string, schema: string): Promise<Registration> {
    const question: Question<Registration> = {
      method: 'POST',
      path: `/subjects/${encodeURIComponent(subject)}/versions`,
      body: JSON.stringify({ schema }),
      subject,
      read: ({ status, body }) => (isGood(status) ? idIn(body) : undefined),
    }
    const answer = await this.#ask(question)
    // When two clients register the first schema of a subject at the same time, Apicurio refuses one of them: 409 already exists.
    return answer.tag === 'refused' && answer.isConflict === true ? this.#ask(question) : answer
  }

  /** Throws if no registry answers, or none that takes the credentials. */
  async check(signal: AbortSignal): Promise<void> {
    const answer = await this.#ask({
      method: 'GET',
      path: '/subjects',
      // The list may be long.
      headOnly: true,
      signal,
      // A user who may not list the subjects can still be allowed to register schemas.
      read: ({ status, headers }) =>
        status === 403 || (isGood(status) && /json/i.test(headers['content-type'] ?? '')) ? ok : undefined,
    })
    signal.throwIfAborted()
    if (answer.tag !== 'ok') throw answer.error
  }

  async #ask<Result>(question: Question<Result>): Promise<Result | Trouble> {
    const { urls } = this.#spec
    const troubles: Trouble[] = []
    for (let i = 0; i < urls.length; i++) {
      const index = (this.#first + i) % urls.length
      const answer = await this.#askOne(urls[index] ?? '', question)
      if (!isTrouble(answer) || answer.tag === 'refused') {
        this.#first = index
        return answer
      }
      troubles.push(answer)
    }
    return this.#errors.all(troubles)
  }

  async #askOne<Result>(
    url: string,
    { path, subject, read, signal: stop, ...request }: Question<Result>,
  ): Promise<Result | Trouble> {
    const late = AbortSignal.timeout(this.#spec.timeoutMs)
    const signal = stop === undefined ? late : AbortSignal.any([stop, late])
    let answer
    try {
      answer = await this.#connections.send({ ...request, url: url + path, headers: this.#headers, signal })
    } catch (error) {
      return this.#errors.noAnswer(url, error)
    }
    return read(answer) ?? this.#errors.ofAnswer(answer, { url, path, subject })
  }
}

function isGood(status: number): boolean {
  return status >= 200 && status < 300
}

const ok = { tag: 'ok' } as const

function isTrouble(answer: unknown): answer is Trouble {
  return (answer as Trouble).error instanceof FeedError
}

function idIn(body: string): Registration | undefined {
  const { id } = jsonObject(body)
  return Number.isInteger(id) && Number(id) >= 0 && Number(id) <= lastId ? { tag: 'id', id: Number(id) } : undefined
}

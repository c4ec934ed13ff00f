// The errors of a schema registry: what happened at which address, and what to do. A registry that may answer later, or that has
// too much to do, is told from one that refuses. Errors show the registry's message, but never the password.

import type { RegistrySpec } from '../core/feed-spec.ts'
import { retryAfterMs } from '../core/retry-after.ts'
import { FeedError } from '../errors/feed-error.ts'
import { networkHint, reasonOf } from '../net/network-hint.ts'
import type { HttpAnswer } from './http-exchange.ts'

export type Trouble =
  /** It may be over at a later attempt, which the registry wants no sooner than after `afterMs`. */
  | { readonly tag: 'passing'; readonly error: FeedError; readonly afterMs: number }
  | { readonly tag: 'refused'; readonly error: FeedError; readonly isConflict?: boolean }

interface Asked {
  readonly url: string
  readonly path: string
  readonly subject: string | undefined
}

/** Statuses below 500 after which a later attempt may succeed: the request came too slowly, too early or too often. */
const passing: ReadonlySet<number> = new Set([408, 425, 429])
const maxSaid = 400

export class RegistryErrors {
  readonly #spec: RegistrySpec

  constructor(spec: RegistrySpec) {
    this.#spec = spec
  }

  noAnswer(url: string, cause: unknown): Trouble {
    const { timeoutMs } = this.#spec
    // It is one of ours: the address is one that may not be reached.
    if (cause instanceof FeedError) return { tag: 'refused', error: cause }
    if ((cause as Error).name === 'TimeoutError') {
      return again(`the schema registry ${url} did not answer within ${timeoutMs / 1000} s`, {
        hint: 'check host, port and the network in between; the parameter timeout of its URL says how long an answer may take',
      })
    }
    const said = this.#shown(reasonOf(cause))
    const hint = networkHint(said, { what: 'registry', isTls: url.startsWith('https:') })
    return again(`the schema registry ${url} cannot be reached: ${said}`, { hint })
  }

  /** Of an answer that is not the expected one. */
  ofAnswer(answer: HttpAnswer, { url, path, subject }: Asked): Trouble {
    const { status, headers } = answer
    const said = this.#said(answer)
    const name = `the schema registry ${url}`
    if (status >= 500 || passing.has(status)) {
      return again(`${name} does not answer the request at the moment: ${said}`, {
        hint: 'it may pass, otherwise ask whoever runs the registry',
        afterMs: retryAfterMs(headers['retry-after']) ?? 0,
      })
    }
    return { tag: 'refused', error: this.#refusal(answer, said, { url, path, subject }), isConflict: status === 409 }
  }

  #refusal({ status, body }: HttpAnswer, said: string, { url, path, subject }: Asked): FeedError {
    const name = `the schema registry ${url}`
    const ofSubject = subject === undefined ? '' : ` of subject "${subject}"`
    if (status === 409) {
      return new FeedError('FEED_SCHEMA', `${name} refuses the schema${ofSubject}: ${said}`, {
        hint: `undo the change of the table if no row was written since, or set the compatibility of the subject: PUT {"compatibility": "NONE"} to ${url}/config/${encodeURIComponent(subject ?? '')}`,
      })
    }
    if (status === 422) {
      return new FeedError('FEED_SCHEMA', `${name} does not accept the schema${ofSubject}: ${said}`, {
        hint: invalidHint(body),
      })
    }
    if (status === 401) {
      return new FeedError('FEED_REGISTRY', `${name} refuses the credentials: ${said}`, {
        hint: 'write them in front of the host, percent-encoded: https://USER:PASSWORD@host',
      })
    }
    if (status === 403) {
      return new FeedError('FEED_REGISTRY', `${name} does not let the user register the schema${ofSubject}: ${said}`, {
        hint: 'grant the user the right to write the subject (Confluent: the role DeveloperWrite), or use another user',
      })
    }
    if (status >= 300 && status < 400) {
      return new FeedError('FEED_REGISTRY', `${name} redirects: ${said}`, {
        hint: 'redirects are not followed: give the URL to which it leads as confluent_schema_registry',
      })
    }
    return new FeedError('FEED_REGISTRY', `${url}${path} does not answer as a schema registry does: ${said}`, {
      hint: 'check host, port and path of confluent_schema_registry: the URL is the one to which /subjects is appended, for example http://host:8081, or http://host:8080/apis/ccompat/v7 for Apicurio',
    })
  }

  /** Of several URLs, of which none has answered. */
  all(troubles: readonly Trouble[]): Trouble {
    const [first] = troubles
    if (first === undefined || troubles.length === 1) return first ?? again('a schema registry has no URL', {})
    const afterMs = Math.min(...troubles.map((trouble) => (trouble.tag === 'passing' ? trouble.afterMs : 0)))
    return again(troubles.map(({ error }) => error.message).join('; '), { hint: first.error.hint, afterMs })
  }

  /** The status and the message of the registry. */
  #said({ status, headers, body }: HttpAnswer): string {
    // What is no refusal of a registry may be a document of another server, which is not for whoever reads this error.
    const isText = status >= 400 && !/html/i.test(headers['content-type'] ?? '')
    const { message = isText ? body : '', error_code: code } = jsonObject(body)
    const text = typeof message === 'string' ? message : ''
    const to = headers.location === undefined ? '' : ` to ${placeOf(headers.location)}`
    const number = typeof code === 'number' && code !== status ? ` (${code})` : ''
    return `${status}${number}${to} ${this.#shown(text)}`.trimEnd()
  }

  /** Returns a text of the registry, unless it repeats a secret that we sent. */
  #shown(text: string): string {
    const { user = '', password = '' } = this.#spec
    const secrets = [password, encodeURIComponent(password), Buffer.from(`${user}:${password}`).toString('base64')]
    if (password !== '' && secrets.some((secret) => text.includes(secret))) return ''
    const flat = text.replace(/[\p{Cc}\s]+/gu, ' ').trim()
    return flat.length > maxSaid ? `${flat.slice(0, maxSaid)}…` : flat
  }
}

function again(
  message: string,
  { hint, afterMs = 0 }: { readonly hint?: string | undefined; readonly afterMs?: number },
): Trouble {
  return { tag: 'passing', error: new FeedError('FEED_REGISTRY', message, { hint }), afterMs }
}

function invalidHint(body: string): string {
  const { error_code: code } = jsonObject(body)
  if (code === 42205) return 'the subject is read-only: set its mode to READWRITE in the registry'
  return 'if the registry has rules of its own for schemas, change them for this subject; otherwise report it, with the message'
}

/** A URL without its query, which may contain a key. */
function placeOf(location: string): string {
  if (!URL.canParse(location)) return 'another path'
  const { origin, pathname } = new URL(location)
  return origin + pathname
}

export function jsonObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

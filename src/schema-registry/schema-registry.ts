// The registry in which formats with schemas register them: Confluent's Schema Registry, or a service with the same API.
//
//   register   the id of a schema: from the cache that all feeds of a thread share, or from the registry
//
// A registry that cannot be reached or is overloaded is asked again for a minute, and `waiting` is told why. What still
// fails then ends the feed with an error that is retried: a job starts again from its last checkpoint, a changefeed on a
// connection ends. What the registry refuses for a reason ends the feed at once, with the reason: a job tries again until
// somebody has removed it.

import { orAbort } from '../async/or-abort.ts'
import { Backoff } from '../async/backoff.ts'
import type { FeedMeter } from '../core/feed-meter.ts'
import type { RegistrySpec } from '../core/feed-spec.ts'
import { RegistryClient } from './registry-client.ts'
import { sharedSchemas, type SharedSchemas } from './shared-schemas.ts'

export interface SchemaRegistry {
  /** Registers the schema (JSON text) under the subject and returns its id: a number if the cache has it. */
  register(subject: string, schema: string): number | Promise<number>
}

export interface RegistryOptions {
  /** `register` throws the signal's reason when it aborts. */
  readonly signal?: AbortSignal
  /** Called with what `register` waits for; undefined: it waits for nothing any more. */
  readonly waiting?: ((why: string | undefined) => void) | undefined
  /** Counts the schemas that got an id, and how often the registry was asked again. */
  readonly meter?: FeedMeter | undefined
  /** How long a registry that gives no answer is asked again; undefined: a minute. */
  readonly keepTryingMs?: number
  /** A registry that takes longer to answer is reported; undefined: three seconds. */
  readonly answersWithinMs?: number
}

export function openRegistry(spec: RegistrySpec, options: RegistryOptions): SchemaRegistry {
  return new FeedRegistry(sharedSchemas(spec), options)
}

/** Throws if the registry does not answer, or does not take the credentials. */
export async function checkRegistry(spec: RegistrySpec, signal: AbortSignal): Promise<void> {
  await orAbort(new RegistryClient(spec).check(signal), signal)
}

class FeedRegistry implements SchemaRegistry {
  readonly #schemas: SharedSchemas
  readonly #options: RegistryOptions
  /** How many calls wait: a scan prepares several tables at a time. */
  #calls = 0
  #reported: string | undefined

  constructor(schemas: SharedSchemas, options: RegistryOptions) {
    this.#schemas = schemas
    this.#options = options
  }

  register(subject: string, schema: string): number | Promise<number> {
    return this.#schemas.known(subject, schema) ?? this.#request(subject, schema)
  }

  async #request(subject: string, schema: string): Promise<number> {
    const { signal, meter, answersWithinMs = 3000 } = this.#options
    signal?.throwIfAborted()
    this.#calls++
    const slow = setTimeout(() => this.#report(`waiting for ${this.#schemas.name} to answer`), answersWithinMs)
    try {
      const id = await this.#untilAnswered(subject, schema, () => clearTimeout(slow))
      meter?.count('registrations')
      return id
    } finally {
      clearTimeout(slow)
      if (--this.#calls === 0) this.#report(undefined)
    }
  }

  async #untilAnswered(subject: string, schema: string, failed: () => void): Promise<number> {
    const { signal, meter, keepTryingMs = 60_000 } = this.#options
    const backoff = new Backoff({ firstMs: 500, mostMs: 10_000 })
    const giveUpAtMs = performance.now() + keepTryingMs
    for (;;) {
      const answer = await orAbort(this.#schemas.register(subject, schema), signal)
      if (answer.tag === 'id') return answer.id
      const { error } = answer
      const waitMs = Math.max(backoff.next(), answer.tag === 'passing' ? answer.afterMs : 0)
      if (answer.tag === 'refused' || performance.now() + waitMs > giveUpAtMs) throw error
      failed()
      this.#report(`waiting: ${error.message}; ${error.hint}; it is asked again`)
      meter?.count('registryRetries')
      await pause(waitMs, signal)
    }
  }

  #report(why: string | undefined): void {
    if (why === this.#reported) return
    this.#reported = why
    this.#options.waiting?.(why)
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  await orAbort(promise, signal).finally(() => clearTimeout(timer))
}

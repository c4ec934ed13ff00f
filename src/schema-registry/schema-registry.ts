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
import type { RegistrySpec } from '../core/feed-spec.ts'
import { RegistryClient } from './registry-client.ts'
import { sharedSchemas, type SharedSchemas } from './shared-schemas.ts'

/** How long a registry that gives no answer is asked again. */
const keepTryingMs = 60_000
/** A registry that takes longer to answer is reported. */
const answersWithinMs = 3000

export interface SchemaRegistry {
  /** Registers the schema (JSON text) under the subject and returns its id: a number if the cache has it. */
  register(subject: string, schema: string): number | Promise<number>
}

export interface RegistryOptions {
  /** `register` throws the signal's reason when it aborts. */
  readonly signal?: AbortSignal
  /** Called with what `register` waits for; undefined: it waits for nothing any more. */
  readonly waiting?: ((why: string | undefined) => void) | undefined
  readonly counts?: { registrations: number; registryRetries: number }
  readonly keepTryingMs?: number
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

  constructor(schemas: SharedSchemas, options: RegistryOptions) {
    this.#schemas = schemas
    this.#options = options
  }

  register(subject: string, schema: string): number | Promise<number> {
    return this.#schemas.known(subject, schema) ?? this.#request(subject, schema)
  }

  async #request(subject: string, schema: string): Promise<number> {
    const { signal, waiting } = this.#options
    signal?.throwIfAborted()
    this.#calls++
    const slow = setInterval(() => {
      waiting?.(`waiting for ${this.#schemas.name}: it has not answered yet`)
    }, this.#options.answersWithinMs ?? answersWithinMs)
    try {
      return await this.#untilAnswered(subject, schema, () => slow.refresh())
    } finally {
      clearInterval(slow)
      if (--this.#calls === 0) waiting?.(undefined)
    }
  }

  async #untilAnswered(subject: string, schema: string, told: () => void): Promise<number> {
    const { signal, waiting, counts } = this.#options
    const backoff = new Backoff({ firstMs: 500, mostMs: 10_000 })
    const giveUpAtMs = performance.now() + (this.#options.keepTryingMs ?? keepTryingMs)
    for (;;) {
      const answer = await orAbort(this.#schemas.register(subject, schema), signal)
      if (answer.tag === 'id') {
        if (counts !== undefined) counts.registrations++
        return answer.id
      }
      const waitMs = Math.max(backoff.next(), answer.tag === 'passing' ? answer.afterMs : 0)
      if (answer.tag === 'refused' || performance.now() + waitMs > giveUpAtMs) throw answer.error
      waiting?.(`waiting for ${this.#schemas.name}: ${answer.error.message}; it is asked again in ${waitMs / 1000} s`)
      told()
      if (counts !== undefined) counts.registryRetries++
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, waitMs)
      await orAbort(promise, signal).finally(() => clearTimeout(timer))
    }
  }
}

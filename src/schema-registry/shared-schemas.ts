// The schemas that a registry has, as far as the feeds of this thread have registered them. Feeds with the same registry (the
// same URLs, credentials and certificates) share the ids and the connections, and a registration that several of them
// need at the same time is sent once.
//
// An id is used for some time without a question. After that a feed that starts asks again, because somebody may have
// emptied the registry: consumers could read nothing that has an id of before. While the registry gives no answer, the
// old id is used on.

import type { RegistrySpec } from '../core/feed-spec.ts'
import { Recent } from './recent.ts'
import { RegistryClient, type Registration } from './registry-client.ts'

const mostRegistries = 16
const mostSchemas = 1024
/** How long an id is used without a question. */
const freshMs = 60_000

const registries = new Recent<SharedSchemas>(mostRegistries)

export function sharedSchemas(spec: RegistrySpec): SharedSchemas {
  const { urls, user, password, timeoutMs, caCert, clientCert, clientKey, mayReachMetadata } = spec
  const key = JSON.stringify([urls, user, password, timeoutMs, caCert, clientCert, clientKey, mayReachMetadata])
  const shared = registries.get(key) ?? new SharedSchemas(new RegistryClient(spec))
  registries.set(key, shared)
  return shared
}

interface KnownSchema {
  readonly id: number
  readonly atMs: number
}

export class SharedSchemas {
  readonly #client: RegistryClient
  readonly #known = new Recent<KnownSchema>(mostSchemas)
  readonly #running = new Map<string, Promise<Registration>>()
  readonly #freshMs: number

  constructor(client: RegistryClient, options: { readonly freshMs?: number } = {}) {
    this.#client = client
    this.#freshMs = options.freshMs ?? freshMs
  }

  /** How messages name the registry. */
  get name(): string {
    return this.#client.name
  }

  known(subject: string, schema: string): number | undefined {
    const known = this.#known.get(keyOf(subject, schema))
    return known !== undefined && performance.now() - known.atMs < this.#freshMs ? known.id : undefined
  }

  /** Asks once. Never rejects. */
  register(subject: string, schema: string): Promise<Registration> {
    const key = keyOf(subject, schema)
    const running = this.#running.get(key) ?? this.#register(subject, schema).finally(() => this.#running.delete(key))
    this.#running.set(key, running)
    return running
  }

  async #register(subject: string, schema: string): Promise<Registration> {
    const answer = await this.#client.register(subject, schema)
    const key = keyOf(subject, schema)
    if (answer.tag === 'id') this.#known.set(key, { id: answer.id, atMs: performance.now() })
    if (answer.tag !== 'passing') return answer
    const known = this.#known.get(key)
    return known === undefined ? answer : { tag: 'id', id: known.id }
  }
}

function keyOf(subject: string, schema: string): string {
  return `${subject.length} ${subject}${schema}`
}

// What a feed in Avro has beside the plain one: a schema registry, which here only gives ids and is in the process of the bench.

import type { FeedSpec } from '../src/core/feed-spec.ts'
import { TinyRegistry } from '../test/support/tiny-registry.ts'

export interface AvroFeed extends AsyncDisposable {
  readonly spec: Pick<FeedSpec, 'format' | 'registry'>
}

export async function avroFeed(): Promise<AvroFeed> {
  const registry = await TinyRegistry.start()
  return {
    spec: { format: 'avro', registry: { urls: [registry.url], timeoutMs: 10_000 } },
    [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
  }
}

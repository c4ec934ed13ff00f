// What every format promises, of Avro, whose schemas are in a registry over HTTP.

import { after } from 'node:test'
import { SmallRegistry } from '../../../test/support/small-registry.ts'
import { formatSuite, type Texts } from '../../../test/suites/format-suite.ts'

const registry = await SmallRegistry.start()
after(() => registry[Symbol.asyncDispose]())

/** The fields of a record, without the branches of their unions. */
function texts(record: unknown): Texts {
  return Object.values(record as object).map((value: Readonly<Record<string, unknown>> | null) =>
    value === null ? null : String(Object.values(value)[0]),
  )
}

formatSuite('avro', {
  options: `, confluent_schema_registry = '${registry.url}'`,
  spec: { registry: { urls: [registry.url], timeoutMs: 10_000 } },
  key: (bytes) => texts(registry.schemas.decode(bytes).value),
  row: (bytes) => {
    if (bytes === undefined) throw new Error('a message must have a value')
    const { after: row } = registry.schemas.decode(bytes).value as { readonly after: object | null }
    return row === null ? undefined : texts(Object.values(row)[0])
  },
})

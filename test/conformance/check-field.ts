// `field a -> {"long":1}`: a column of the row in Avro's JSON encoding.

import assert from 'node:assert/strict'

type Reviver = (name: string, value: unknown, context: { readonly source?: string }) => unknown
/** Numbers stay text, since they may be larger than a number of JavaScript holds. */
const parse = (text: string): unknown => (JSON.parse as (text: string, reviver: Reviver) => unknown)(text, exact)
const exact: Reviver = (_name, value, { source }) => (typeof value === 'number' ? source : value)

export function checkField(text: string, value: string): void {
  const [, name = '', wanted = ''] = /^field (\w+) -> (.*)$/.exec(text) ?? []
  const { after } = parse(value) as { after: Record<string, Record<string, unknown>> }
  const [row = {}] = Object.values(after)
  // Our decoder names the type of a value without its logical type, which the tests of the schemas check.
  assert.deepEqual(row[name], parse(wanted.replace(/^\{"(\w+)\.[\w-]+":/, '{"$1":')), value)
}

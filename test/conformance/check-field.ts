// `field a -> {"long":1}`: a column of the row in Avro's JSON encoding.

import assert from 'node:assert/strict'
import { parseExactly } from './parse-exactly.ts'

export function checkField(text: string, value: string): void {
  const [, name = '', wanted = ''] = /^field (\w+) -> (.*)$/.exec(text) ?? []
  const { after } = parseExactly(value) as { after: Record<string, Record<string, unknown>> }
  const [row = {}] = Object.values(after)
  // Our decoder names the type of a value without its logical type, which the tests of the schemas check.
  const withoutLogical = wanted.replace(/^\{"(\w+)\.[\w-]+":/, '{"$1":')
  assert.equal(JSON.stringify(row[name]), JSON.stringify(parseExactly(withoutLogical)), value)
}

// Writes a statement as SHOW JOBS prints it: with its targets as written, its options sorted by name, the values that were
// bound to placeholders, and without secrets.

import { shownString } from '../core/quote.ts'
import type { CreateChangefeed } from '../sql/ast.ts'
import { factsOf, isOptionName, optionNames } from './options.ts'
import { showRegistry } from './registry-options.ts'
import { textOf, type ReadOptions, type Parameters } from './read-options.ts'
import { showSinkUri } from '../sink/sink-uri.ts'

/** The options whose values are secret, and a secret parameter of sink URIs that users may mistake for an option. */
export const secretOptions: ReadonlySet<string> = new Set([
  ...optionNames.filter((name) => factsOf(name).isSecret === true),
  'client_key',
])

/** Parameters of sink URIs that users may mistake for options, and that are no secrets. */
const publicParameters: ReadonlySet<string> = new Set(['ca_cert', 'client_cert'])

/** Returns the value of an option as others may see it. What is no option may be a misspelt one, whose value is a secret. */
export function shownOption(name: string, text: string): string {
  if (secretOptions.has(name)) return 'redacted'
  if (!isOptionName(name) && !publicParameters.has(name)) return 'redacted'
  if (name === 'confluent_schema_registry') return showRegistry(text)
  return text.includes('://') ? showSinkUri(text) : text
}

/** Returns CREATE CHANGEFEED FOR TABLE a, TABLE b INTO 'uri' WITH OPTIONS (a = 'x', flag). */
export function describeJob(
  statement: CreateChangefeed,
  { sinkText }: Pick<ReadOptions, 'sinkText'>,
  parameters: Parameters,
): string {
  const targets = statement.targets.map(({ text }) => `TABLE ${text}`).join(', ')
  const into = sinkText === undefined ? '' : ` INTO ${shownString(showSinkUri(sinkText))}`
  const head = sinkText === undefined ? 'EXPERIMENTAL CHANGEFEED' : 'CREATE CHANGEFEED'
  const options = statement.options
    .map(({ name, value }) =>
      value === undefined ? name : `${name} = ${shownString(shownOption(name, textOf(value, parameters) ?? ''))}`,
    )
    .sort()
  return `${head} FOR ${targets}${into}${options.length === 0 ? '' : ` WITH OPTIONS (${options.join(', ')})`}`
}

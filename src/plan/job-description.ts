// Writes a statement as SHOW JOBS prints it: with its targets as written, its options sorted by name, the values that were
// bound to placeholders, and without secrets.

import { shownString } from '../core/quote.ts'
import type { CreateChangefeed } from '../sql/ast.ts'
import { factsOf, optionNames } from './options.ts'
import { textOf, type ReadOptions, type Parameters } from './read-options.ts'
import { showSinkUri } from '../sink/sink-uri.ts'

/** The options whose values are secret, and a secret parameter of sink URIs that users may mistake for an option. */
export const secretOptions: ReadonlySet<string> = new Set([
  ...optionNames.filter((name) => factsOf(name).isSecret === true),
  'client_key',
])

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
      value === undefined ? name : `${name} = ${shownString(redacted(name, textOf(value, parameters) ?? ''))}`,
    )
    .sort()
  return `${head} FOR ${targets}${into}${options.length === 0 ? '' : ` WITH OPTIONS (${options.join(', ')})`}`
}

function redacted(name: string, text: string): string {
  if (secretOptions.has(name)) return 'redacted'
  return name === 'confluent_schema_registry' ? showSinkUri(text) : text
}

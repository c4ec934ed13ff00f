// Writes CREATE CHANGEFEED from what was chosen in the form of a new changefeed.

import { shownOption } from '../../plan/job-description.ts'
import { showSinkUri } from '../../sink/sink-uri.ts'

/** Values by the names of options; an empty value: the option is given without one. */
export type ChosenOptions = Readonly<Record<string, string>>

export interface Chosen {
  /** As they stand in the statement. */
  readonly tables: readonly string[]
  readonly sink: string
  readonly options: ChosenOptions
}

/** The same without secrets. It is made of parts that are known for what they are, so nothing in one of them changes what another one means. */
export function shownOf({ tables, sink, options }: Chosen): string {
  return statementOf({
    tables,
    sink: sink === '' ? '' : showSinkUri(sink),
    options: Object.fromEntries(
      Object.entries(options).map(([name, value]) => [
        // What cannot be the name of an option may be anything.
        /^\w+$/.test(name) ? name : 'redacted',
        value === '' ? '' : shownOption(name.toLowerCase(), value),
      ]),
    ),
  })
}

export function statementOf({ tables, sink, options }: Chosen): string {
  const named = tables.length === 0 ? '…' : tables.map((table) => `TABLE ${table}`).join(', ')
  const given = Object.entries(options)
    .map(([name, value]) => (value === '' ? name : `${name} = ${quoted(value)}`))
    .join(', ')
  const lines = [`CREATE CHANGEFEED FOR ${named}`, `INTO ${sink === '' ? "'…'" : quoted(sink)}`]
  return [...lines, ...(given === '' ? [] : [`WITH ${given}`])].join('\n')
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

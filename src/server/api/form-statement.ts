// Writes CREATE CHANGEFEED from what was chosen in the form of a new changefeed.

/** Values by the names of options; an empty value: the option is given without one. */
export type ChosenOptions = Readonly<Record<string, string>>

export interface Chosen {
  /** As they stand in the statement. */
  readonly tables: readonly string[]
  readonly sink: string
  readonly options: ChosenOptions
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

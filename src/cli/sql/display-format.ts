// The formats of results. A format is a writer of one result: it returns the text for the head, for each row, and for the end.
//
//   csv      header line, RFC 4180 quoting, NULL as NULL          tsv    the same with tabs
//   ndjson   one object a row, members by name, values as strings; NULL is null
//   table    laid out by the widest value of each column, so nothing prints before the end
//   records  a line for each value

import { RecordsWriter } from './records-writer.ts'
import { shown, type ResultColumn, type ResultWriter } from './result-writer.ts'
import { TableWriter } from './table-writer.ts'

export const displayFormats = ['table', 'records', 'csv', 'tsv', 'ndjson'] as const
export type DisplayFormat = (typeof displayFormats)[number]

/** A table that is wider than `maxWidth`, in cells of the terminal, is printed as records. */
export function resultWriter(format: DisplayFormat, columns: readonly ResultColumn[], maxWidth?: number): ResultWriter {
  switch (format) {
    case 'csv':
      return separatedWriter(columns, ',')
    case 'tsv':
      return separatedWriter(columns, '\t')
    case 'ndjson':
      return ndjsonWriter(columns)
    case 'table':
      return new TableWriter(columns, maxWidth)
    case 'records':
      return new RecordsWriter(columns)
  }
}

function separatedWriter(columns: readonly ResultColumn[], separator: string): ResultWriter {
  const line = (fields: readonly string[]): string =>
    `${fields.map((field) => quoted(field, separator)).join(separator)}\n`
  return {
    head: () => line(columns.map(({ name }) => name)),
    row: (fields) => line(fields.map((field, index) => shown(field, columns[index]) ?? 'NULL')),
    end: () => '',
  }
}

/** Quotes a field if necessary. A field with a leading blank is quoted, too, because many readers would drop the blank. */
function quoted(field: string, separator: string): string {
  if (!field.includes(separator) && !/["\r\n]|^\s/.test(field)) return field
  return `"${field.replaceAll('"', '""')}"`
}

function ndjsonWriter(columns: readonly ResultColumn[]): ResultWriter {
  const members = columns
    .map((column, index) => ({ column, index, head: `${JSON.stringify(column.name)}:` }))
    .sort((a, b) => (a.column.name < b.column.name ? -1 : 1))
  return {
    head: () => '',
    row: (fields) =>
      `{${members.map(({ column, index, head }) => head + JSON.stringify(shown(fields[index] ?? null, column))).join(',')}}\n`,
    end: () => '',
  }
}

// Fills values into an SQL file. As in psql, :'name' becomes a string and :"name" an identifier. :(name) becomes one of the
// expressions that several files and queries share. Unlike psql it also does so inside the bodies of functions.

import { quoteName, quoteString } from '../core/quote.ts'

export interface SqlValues {
  readonly texts: Readonly<Record<string, string>>
  /** SQL that is put in parentheses. */
  readonly expressions: Readonly<Record<string, string>>
}

const place = /:(?:'(\w+)'|"(\w+)"|\((\w+)\))/g

/** Throws if the file asks for a value that is not there. */
export function fillSql(sql: string, { texts, expressions }: SqlValues): string {
  return sql.replace(place, (found, string?: string, name?: string, expression?: string) => {
    const value = expression === undefined ? texts[string ?? name ?? ''] : expressions[expression]
    if (value === undefined) throw new Error(`SQL asks for ${found}, which has no value`)
    // The dollar quote would end the body of a function.
    if (value.includes('$$')) throw new Error(`the value for ${found} contains $$`)
    if (expression !== undefined) return `(${value})`
    return string === undefined ? quoteName(value) : quoteString(value)
  })
}

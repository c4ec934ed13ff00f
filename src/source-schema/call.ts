// Typed calls of the functions in a source database, made from the list in functions.ts. Nobody else writes `changefeed.f(…)` into
// SQL; callers.test.ts looks for it.

import { quoteString } from '../core/quote.ts'
import type { Queries } from '../postgres/queries.ts'
import { calledFunctions, type SourceFunction, type SqlType } from './functions.ts'

/** An expression instead of a value, such as a column of the statement around the call. */
export interface Expression {
  readonly sql: string
}

type Functions = typeof calledFunctions
type FunctionName = keyof Functions

interface Values {
  oid: number
  integer: number
  'oid[]': readonly number[]
  text: string
  boolean: boolean
  /** No function that is called has it. */
  'text[]': never
  /** As a parameter only expressions are allowed; a result is the JSON text. */
  jsonb: string
}

type Arguments<N extends FunctionName> = {
  readonly [P in keyof Functions[N]['parameters']]:
    | Expression
    | Values[Extract<Functions[N]['parameters'][P], keyof Values>]
}

type WithRows = {
  [N in FunctionName]: Functions[N] extends { readonly rows: string } ? N : never
}[FunctionName]

/** A row of a function; a text that is null is read as ''. */
type Row<N extends WithRows> = {
  readonly [C in keyof Functions[N]['returns']]: Values[Extract<Functions[N]['returns'][C], keyof Values>]
}

/** Returns the call as a part of a statement. */
export function call<N extends FunctionName>(name: N, values: Arguments<N>): string {
  const { parameters }: SourceFunction = calledFunctions[name]
  const given: Readonly<Record<string, unknown>> = values
  return `changefeed.${name}(${Object.keys(parameters)
    .map((parameter) => literal(given[parameter]))
    .join(', ')})`
}

/** Calls a function that returns rows, and reads them. */
export async function rowsOf<N extends WithRows>(
  connection: Queries,
  name: N,
  values: Arguments<N>,
): Promise<readonly Row<N>[]> {
  const columns = Object.entries<SqlType>(calledFunctions[name].returns)
  const list = columns.map(([column]) => `${column}::text`).join(', ')
  const rows = await connection.query(`SELECT ${list} FROM ${call(name, values)}`)
  return rows.map(
    (row) => Object.fromEntries(columns.map(([column, type], i) => [column, read(type, row[i] ?? '')])) as Row<N>,
  )
}

function literal(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (Array.isArray(value)) return `'{${value.map(Number).join(', ')}}'`
  if (typeof value === 'string') return quoteString(value)
  return (value as Expression).sql
}

function read(type: SqlType, text: string): Values[SqlType] {
  if (type === 'oid' || type === 'integer') return Number(text)
  if (type === 'boolean') return text === 'true'
  if (type === 'oid[]') return text.length <= 2 ? [] : text.slice(1, -1).split(',').map(Number)
  return text
}

// Where the server keeps jobs, settings and table privileges: tables in a PostgreSQL, in a schema of their own.

/** The name of the schema, which needs no quotes in SQL. */
export type StateSchema = 'changefeed' | 'changefeed_state'

/** Runs a statement in the database of the state and returns its rows as text. */
export type StateQuery = (
  sql: string,
  parameters: readonly (string | null)[],
) => Promise<readonly (readonly (string | null)[])[]>

export interface State {
  readonly query: StateQuery
  readonly schema: StateSchema
}

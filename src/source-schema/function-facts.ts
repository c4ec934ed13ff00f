// What the lists of functions say of a function that we install in a source database.
//
// Schema changefeed is closed to everybody but its owner. `needs` says what a role would need besides USAGE on the schema.

/**
 * `any role` needs nothing more. Only a superuser may set deadlock_timeout, or from PostgreSQL 15 on a role with GRANT SET ON
 * PARAMETER. A SECURITY DEFINER function runs with the rights of its owner.
 */
export type Right =
  | 'any role'
  | 'owner of the schema'
  | 'owner of the table'
  | 'owner of the publication'
  | 'SET deadlock_timeout'

export type SqlType = 'oid' | 'oid[]' | 'jsonb' | 'text' | 'integer' | 'boolean'

export interface SourceFunction {
  readonly does: string
  /** In their order. */
  readonly parameters: Readonly<Record<string, SqlType>>
  /** A value, the columns of rows, or nothing. */
  readonly returns: SqlType | 'SETOF oid' | 'void' | 'trigger' | 'event_trigger' | Readonly<Record<string, SqlType>>
  /** `one row`: the columns are OUT parameters. */
  readonly rows?: 'one row' | 'any'
  readonly isSecurityDefiner?: true
  /** All of these together. */
  readonly needs: readonly Right[]
}

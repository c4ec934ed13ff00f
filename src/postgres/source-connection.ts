// Where a source database is, as plain data that crosses into worker threads.

export interface SourceConnection {
  /** TCP host; ignored when `socketDir` is given. */
  readonly host: string
  readonly port: number
  /** Folder of the server's unix socket `.s.PGSQL.<port>`. */
  readonly socketDir?: string | undefined
  readonly user: string
  readonly password?: string | undefined
  readonly database: string
}

/** Session settings of every connection that rows are read from: output functions then print one way, everywhere. */
export const rowTextParameters = {
  client_encoding: 'UTF8',
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  extra_float_digits: '1',
  bytea_output: 'hex',
  search_path: '',
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
} as const

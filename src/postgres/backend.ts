// The PostgreSQL that a server of ours works with. `serve` takes one as a parameter: it asks it for everything that depends on who
// started PostgreSQL and where it runs, and stops it when the server stops. The embedded PostgreSQL is one (embedded/).

import type { FeedError } from '../errors/feed-error.ts'
import type { PostgresServer } from './source-connection.ts'

/** Objects of ours that a database needs before clients use it. */
export interface Installation {
  /** One boolean: all of it is in the database. */
  readonly isCompleteSql: string
  /** Runs as one transaction, and may run again. */
  readonly sql: string
}

export interface Backend {
  /** The address of PostgreSQL, and the role of our own connections. */
  readonly source: PostgresServer
  /** The database that holds jobs, settings and rights. */
  readonly systemDatabase: string
  /** The database of clients that name none. */
  readonly defaultDatabase: string
  /** How many connections clients may have in all. */
  readonly maxClients: number
  /**
   * Statements in CockroachDB's dialect are translated, and a table without a primary key gets one when it is watched.
   * Both need functions of ours in the database.
   */
  readonly hasDialect: boolean
  /** The host and the port at which PostgreSQL reaches itself: two SQL expressions that it evaluates. */
  readonly itselfSql: { readonly host: string; readonly port: string }
  /** Why connections fail, where that is more than a restart. */
  readonly failure: FeedError | undefined
  /** The problem of PostgreSQL for /health; undefined if clients can connect, as far as is known. */
  readonly problem: { readonly message: string; readonly hint?: string | undefined } | undefined
  /** Installs what is missing in every database. `inTemplates`: also in those from which databases are made. */
  install(installation: Installation, options: { readonly inTemplates: boolean }): Promise<void>
  stop(): Promise<void>
}

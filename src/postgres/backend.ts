// The PostgreSQL that a server of ours works with. `serve` takes one as a parameter: it asks it for everything that depends on who
// started PostgreSQL and where it runs, and stops it when the server stops. The embedded PostgreSQL is one (embedded/), one that somebody else has started the other (attached/).

import type { StateSchema } from '../core/state.ts'
import type { FeedError } from '../errors/feed-error.ts'
import type { PostgresServer, SourceConnection } from './source-connection.ts'

/** Objects of ours that a database needs before clients use it. */
export interface Installation {
  /** One boolean: all of it is in the database. */
  readonly isCompleteSql: string
  /** Runs as one transaction, and may run again. */
  readonly sql: string
}

/** What only a PostgreSQL of our own has: its databases are ours to fill. */
export interface OwnPostgres {
  /** The database of the state, whose tables cannot be watched. */
  readonly systemDatabase: string
  /** The host and the port at which PostgreSQL reaches itself: two SQL expressions that it evaluates. */
  readonly itselfSql: { readonly host: string; readonly port: string }
  /** Installs what is missing in every database. `inTemplates`: also in those from which databases are made. */
  install(installation: Installation, options: { readonly inTemplates: boolean }): Promise<void>
}

/** Where jobs, settings and table privileges are. It may be another PostgreSQL than that of the sources. */
export interface StatePlace {
  readonly connection: SourceConnection
  readonly schema: StateSchema
  /** Identifies the store of this server, where servers with other stores may use the same tables; undefined: there are none. */
  readonly sharer: string | undefined
}

export interface Backend {
  /** The address of PostgreSQL, and the role of our own connections. */
  readonly source: PostgresServer
  /** A database that our own role may always connect to, to ask what concerns the whole PostgreSQL. */
  readonly homeDatabase: string
  readonly state: StatePlace
  /** The database of clients that name none. */
  readonly defaultDatabase: string
  /** How many connections clients may have in all. */
  readonly maxClients: number
  /**
   * Statements in CockroachDB's dialect are translated, and a table without a primary key gets one when it is watched.
   * Both need functions of ours in the database.
   */
  readonly hasDialect: boolean
  /** Undefined: somebody else has started this PostgreSQL, and our role is an ordinary one in it. */
  readonly own: OwnPostgres | undefined
  /** Why connections fail, where that is more than a restart. */
  readonly failure: FeedError | undefined
  /** The problem of PostgreSQL for /health; undefined if clients can connect, as far as is known. */
  readonly problem: { readonly message: string; readonly hint?: string | undefined } | undefined
  stop(): Promise<void>
}

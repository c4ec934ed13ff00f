// The interface between the front and the statements of ours. The front knows nothing about changefeeds: a `StatementHandler`,
// which `server` provides, recognises the statements that are not PostgreSQL's and runs them.

import type { FeedError } from '../errors/feed-error.ts'
import type { ReportFields } from '../wire/report-fields.ts'

/** One statement of a query string after classification, in order. */
export type Piece =
  /** A statement for PostgreSQL, as typed or rewritten by the dialect. */
  | ({ readonly tag: 'forward' } & SentText)
  /** A statement of ours. */
  | { readonly tag: 'local'; readonly statement: LocalStatement; readonly sql: string }
  /** A statement for PostgreSQL whose text depends on its catalogue: it is made on the session's backend just before it is sent. */
  | {
      readonly tag: 'rewrite'
      readonly rewrite: (query: BackendQuery) => Promise<SentText>
      readonly sql: string
      /** The text depends on the moment, so a prepared statement gets it anew before each Bind. */
      readonly isAnew?: boolean
    }
  | MalformedPiece

/** A statement of ours that is malformed. */
export interface MalformedPiece {
  readonly tag: 'error'
  readonly error: Error
  readonly sql: string
  /** Called when a client has sent it. */
  readonly refused?: ((session: SessionOrigin) => void) | undefined
}

/** Whose a statement is. */
export type SessionOrigin = Pick<SessionControl, 'user' | 'database' | 'clientAddress'>

/** A text for PostgreSQL. */
export interface SentText {
  readonly sql: string
  /** Translates the positions of errors in this text; undefined if they are right as they are. */
  readonly positions?: PositionMap | undefined
}

/** Returns the position in the whole text of the client for a position in the sent text; both are 1-based characters. */
export type PositionMap = (position: number) => number

/** Runs a query on the session's backend and returns its rows as text. */
export type BackendQuery = (sql: string) => Promise<readonly (readonly (string | null)[])[]>

export interface StatementHandler {
  /**
   * Splits the text of a Query or Parse message into statements. Returns undefined if none of them is ours or needs rewriting,
   * so that the original bytes are passed on. Must be cheap in that case.
   */
  classify(sql: string): readonly Piece[] | undefined
  /** Returns the start-up parameters for PostgreSQL, given those of the client. Throws if one is refused. */
  startup?(parameters: ReadonlyMap<string, string>): ReadonlyMap<string, string>
  /** Returns other fields, in ASCII, for an error of PostgreSQL that we caused; undefined: it is passed on unchanged. */
  explain?(refusal: Refusal): ReportFields | undefined
  /** Returns the error for a client whose connection to PostgreSQL failed or ended with `error`. */
  explainLoss?(error: FeedError): FeedError
}

/** An error of PostgreSQL. */
export interface Refusal {
  readonly sqlstate: string
  readonly message: string
  /** The functions in which the error was raised. */
  readonly context?: string | undefined
  /** The function of PostgreSQL's source that has reported it. */
  readonly routine?: string | undefined
}

export interface LocalStatement {
  /** The type OIDs of `$1 …`, in order; undefined if the statement has no placeholders. */
  readonly parameterTypes?: readonly number[]
  /** The result columns; undefined if the statement returns no rows. */
  readonly columns?: readonly ResultColumn[] | undefined
  /** Whether the client need not wait for the end of the statement after the statement was stopped. */
  readonly mayBeLeft?: boolean
  /** Runs the statement to its end and returns the command tag. The signal aborts if the client is gone or has cancelled it. */
  run(call: LocalCall): Promise<string>
}

export interface ResultColumn {
  readonly name: string
  readonly typeOid: number
  readonly typeSize: number
}

/** A statement that the front starts, with what the client wants of it. */
export interface StartedCall {
  readonly statement: LocalStatement
  readonly sql: string
  readonly parameters: readonly (string | null)[]
  readonly resultFormats: readonly number[]
  /** The bytes to send before the first row; they are not sent if the statement fails before that. */
  readonly opening?: Uint8Array | undefined
}

/** What a running statement gets from the front. */
export interface LocalCall {
  /** The values of the placeholders as text. */
  readonly parameters: readonly (string | null)[]
  readonly session: SessionControl
  /** The format of each result column: 0 text, 1 binary. */
  readonly resultFormats: readonly number[]
  /**
   * Makes PostgreSQL treat the statement as running whenever the client waits for its rows: pg_stat_activity shows it as
   * `label`, pg_cancel_backend cancels it, and statement_timeout ends it.
   */
  occupy(label: string): Promise<void>
  /** Called when the statement will have a result. In the simple protocol, the client gets the columns now. */
  accepted(): Promise<void>
  /**
   * Sends complete DataRow messages to the client. Settles when the client can receive more, and rejects when the client is gone.
   * The caller must not use the bytes afterwards: if they are many, their memory is freed.
   */
  sendRows(dataRowMessages: Uint8Array): Promise<void>
  notice(severity: 'NOTICE' | 'WARNING', message: string, hint?: string): void
  readonly signal: AbortSignal
}

/** I: no transaction; T: in a transaction; E: in a failed transaction. */
export type TransactionStatus = 'I' | 'T' | 'E'

export interface SessionControl {
  /** The id of the session: 32 hex digits that stay the same while the client is connected. */
  readonly id: string
  readonly user: string
  readonly database: string
  readonly applicationName: string
  readonly clientAddress: string
  readonly backendPid: number
  readonly transactionStatus: TransactionStatus
  /** Runs SQL on the session's own backend; the client does not see it. */
  readonly queryBackend: BackendQuery
  /** Moves the session to another database. Throws when a transaction is open or the database does not exist. */
  switchDatabase(name: string): Promise<void>
  /**
   * Returns to the database that the client connected to; 'settings' also does RESET ALL, 'everything' DISCARD ALL.
   * If PostgreSQL refuses it or the database cannot be reached, `reset` throws and the session stays in its database.
   */
  reset(what: 'database' | 'settings' | 'everything'): Promise<void>
  /** Removes a prepared statement, which may be ours or PostgreSQL's; undefined removes all. */
  deallocate(name: string | undefined): Promise<void>
}

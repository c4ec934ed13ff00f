// What the front asks of the rest of the house: to recognise the statements that are not PostgreSQL's, and to run them.
// The front knows nothing of changefeeds; `server` hands it a `StatementHandler`.

import type { FeedError } from '../errors/feed-error.ts'
import type { ReportFields } from '../wire/report-fields.ts'

/** One statement of a query string after classification, in order. */
export type Piece =
  /** PostgreSQL's: send this text (as typed, or rewritten by the dialect). */
  | ({ readonly tag: 'forward' } & SentText)
  /** Ours. */
  | { readonly tag: 'local'; readonly statement: LocalStatement; readonly sql: string }
  /** PostgreSQL's, in words that depend on its catalogue: asked on the session's backend just before it is sent. */
  | { readonly tag: 'rewrite'; readonly rewrite: (query: BackendQuery) => Promise<SentText>; readonly sql: string }
  /** Ours, and malformed. */
  | { readonly tag: 'error'; readonly error: Error; readonly sql: string }

/** What PostgreSQL gets, and where a position of its errors lies in the whole text that the client wrote. */
export interface SentText {
  readonly sql: string
  /** 1-based characters, both. Undefined: the same. */
  readonly place?: Place | undefined
}

export type Place = (position: number) => number

/** Text rows. */
export type BackendQuery = (sql: string) => Promise<readonly (readonly (string | null)[])[]>

export interface StatementHandler {
  /**
   * Called for the text of each Query and Parse message. Undefined: nothing in it is ours or needs rewriting; the
   * original bytes are forwarded as they are. Must be cheap for that case.
   */
  classify(sql: string): readonly Piece[] | undefined
  /** What PostgreSQL is told of the parameters that a client connects with. Throws for those that are refused. */
  startup?(parameters: ReadonlyMap<string, string>): ReadonlyMap<string, string>
  /** What is said in the place of an error of PostgreSQL that has its cause in us, in ASCII; undefined: it goes as it came. */
  explain?(refusal: Refusal): ReportFields | undefined
  /** What a client is told whose connection to PostgreSQL failed or ended with this error. */
  explainLoss?(error: FeedError): FeedError
}

/** An error of PostgreSQL. */
export interface Refusal {
  readonly sqlstate: string
  readonly message: string
  /** The functions that it came out of. */
  readonly context?: string | undefined
}

export interface LocalStatement {
  /** Type OIDs of `$1 …`, in order; undefined: the statement has no placeholders. */
  readonly parameterTypes?: readonly number[]
  /** Result columns; undefined: the statement returns none. */
  readonly columns?: readonly ResultColumn[] | undefined
  /** Once it is stopped nothing that it still does concerns its client, who need not wait for its end. */
  readonly mayBeLeft?: boolean
  /** Runs to its end and gives the command tag. Throws FeedError; its abort signal means: stop, the client is gone or cancelled. */
  run(call: LocalCall): Promise<string>
}

export interface ResultColumn {
  readonly name: string
  readonly typeOid: number
  readonly typeSize: number
}

export interface LocalCall {
  /** Text values of the placeholders. */
  readonly parameters: readonly (string | null)[]
  readonly session: SessionControl
  /** 0 text, 1 binary, per result column. */
  readonly resultFormats: readonly number[]
  /**
   * From here on the statement counts as running for as long as it has its turn: PostgreSQL shows it (as `label`), and
   * cancels it, and ends it after statement_timeout.
   */
  occupy(label: string): Promise<void>
  /** The statement will have a result: in the simple protocol the client hears now which columns, else with the first row. */
  accepted(): Promise<void>
  /**
   * Sends complete DataRow messages to the client. Resolves when the client can take more; the bytes are taken over, and
   * where they are many so is the memory that they are in.
   * Rejects when the client is gone.
   */
  sendRows(dataRowMessages: Uint8Array): Promise<void>
  notice(severity: 'NOTICE' | 'WARNING', message: string, hint?: string): void
  readonly signal: AbortSignal
}

/** A statement of ours that is to run, with what the client has asked for. */
export interface StartedCall extends Pick<LocalCall, 'parameters' | 'resultFormats'> {
  readonly statement: LocalStatement
  readonly sql: string
  /** Goes to the client before the first row, and not at all if the statement fails before that. */
  readonly opening?: Uint8Array | undefined
}

export interface SessionControl {
  /** Unique, stable while the client is connected: 32 hex digits. */
  readonly id: string
  readonly user: string
  readonly database: string
  readonly applicationName: string
  readonly clientAddress: string
  readonly backendPid: number
  /** I(dle), T (in a transaction), E (in a failed one). */
  readonly transactionStatus: 'I' | 'T' | 'E'
  /** Runs SQL on the session's own backend, unseen by the client. Text rows. */
  readonly queryBackend: BackendQuery
  /** Moves the session to another database. Throws when a transaction is open or the database does not exist. */
  switchDatabase(name: string): Promise<void>
  /**
   * Back to the database that the client connected to; with 'settings' as RESET ALL, with 'everything' as DISCARD ALL.
   * Throws what PostgreSQL throws, and when the database cannot be reached: the session then stays where it is.
   */
  reset(what: 'database' | 'settings' | 'everything'): Promise<void>
  /** Forgets a prepared statement, wherever it was prepared; undefined: all. */
  deallocate(name: string | undefined): Promise<void>
}

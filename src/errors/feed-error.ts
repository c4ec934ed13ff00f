// The one error class. Message: what happened, with names and numbers, never a row value or a credential. Hint: what to
// do, with the statement to run. The SQL reply, logs and HTTP show the same two.

import { codes, type Code } from './codes.ts'

export interface FeedErrorDetails {
  readonly hint?: string | undefined
  readonly detail?: string | undefined
  /** 1-based character position in the statement text. */
  readonly position?: number | undefined
  readonly sqlstate?: string | undefined
  /** Of a server's error: what it was doing. */
  readonly context?: string | undefined
  readonly cause?: unknown
}

export class FeedError extends Error {
  readonly code: Code
  readonly sqlstate: string
  readonly hint: string | undefined
  readonly detail: string | undefined
  readonly position: number | undefined
  readonly context: string | undefined

  constructor(code: Code, message: string, details: FeedErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'FeedError'
    this.code = code
    this.sqlstate = details.sqlstate ?? codes[code].sqlstate
    this.hint = details.hint
    this.detail = details.detail
    this.position = details.position
    this.context = details.context
  }

  get retry(): boolean {
    return codes[this.code].retry
  }
}

/** A plain form that crosses threads (errors lose their class in structured clone). */
export interface WireError {
  readonly code: Code
  readonly message: string
  readonly sqlstate: string
  readonly hint?: string | undefined
  readonly detail?: string | undefined
}

export function toWireError(error: unknown): WireError {
  if (error instanceof FeedError) {
    return {
      code: error.code,
      message: error.message,
      sqlstate: error.sqlstate,
      hint: error.hint,
      detail: error.detail,
    }
  }
  const message = error instanceof Error ? error.message : String(error)
  return {
    code: 'FEED_UNEXPECTED',
    message,
    sqlstate: codes.FEED_UNEXPECTED.sqlstate,
    detail: error instanceof Error ? error.stack : undefined,
  }
}

export function fromWireError(error: WireError): FeedError {
  return new FeedError(error.code, error.message, { sqlstate: error.sqlstate, hint: error.hint, detail: error.detail })
}

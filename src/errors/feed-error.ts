// The one error class. Message: what happened, with names and numbers, never a row value or a credential. Hint: what to
// do, with the statement to run. The SQL reply, logs and HTTP show the same two.

import { codes, type Code } from './codes.ts'

export interface FeedErrorDetails {
  readonly hint?: string | undefined
  readonly detail?: string | undefined
  /** 1-based character position in the statement text. */
  readonly position?: number | undefined
  readonly sqlstate?: string | undefined
  /** The context of an error of PostgreSQL: which function or statement it was running. */
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
    return codes[this.code].reaction === 'retry'
  }
}

/**
 * The one rule for errors that are not ours, wherever they are caught: FEED_UNEXPECTED, which is retried
 * (docs/decisions/0018-unknown-errors.md).
 */
export function asFeedError(error: unknown): FeedError {
  if (error instanceof FeedError) return error
  if (!(error instanceof Error)) return new FeedError('FEED_UNEXPECTED', String(error), { cause: error })
  return new FeedError('FEED_UNEXPECTED', error.message, { detail: error.stack, cause: error })
}

/** The form in which an error is sent to another thread, because structured cloning loses the class of an error. */
export interface WireError {
  readonly code: Code
  readonly message: string
  readonly sqlstate: string
  readonly hint?: string | undefined
  readonly detail?: string | undefined
}

export function toWireError(error: unknown): WireError {
  const { code, message, sqlstate, hint, detail } = asFeedError(error)
  return { code, message, sqlstate, hint, detail }
}

export function fromWireError(error: WireError): FeedError {
  return new FeedError(error.code, error.message, { sqlstate: error.sqlstate, hint: error.hint, detail: error.detail })
}

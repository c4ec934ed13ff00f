// Decides what the next attempt does about the failure of earlier ones. Most failures pass when ingest tries again. An error
// of PostgreSQL's decoding that comes again and again at the same position does not: the slot would stay there for ever.

import { FeedError } from '../errors/feed-error.ts'
import type { Lsn } from '../core/lsn.ts'
import { publication } from '../source-schema/names.ts'

export type Remedy =
  | { readonly tag: 'none' }
  /** The source is another one: the log continues after a gap. */
  | { readonly tag: 'copy'; readonly reason: string }
  /** Only the stream brings the changes before the one that fails: a bulk pull brings all or nothing. */
  | { readonly tag: 'stream' }
  /** The next transaction can never be read, and is skipped. */
  | { readonly tag: 'pass-over'; readonly error: FeedError }

export interface Failure {
  readonly error: unknown
  /** End LSN of the durable log. */
  readonly logEnd: Lsn
  /** Why the source is not the one of the log; undefined: it is. */
  readonly difference: string | undefined
  /** The attempt had a stream, and not only bulk pulls. */
  readonly wasStreaming: boolean
}

/** A failure that came so often at the same position is no accident. */
const enough = 3

/** SQLSTATE classes of failures that may pass: of resources, operators, the system, the connection. */
const passing = /^(08|40|53|55|57|58)/

export class Remedies {
  #place = ''
  #count = 0
  now: Remedy = { tag: 'none' }

  /** To be called when an attempt has failed. */
  failed({ error, logEnd, difference, wasStreaming }: Failure): void {
    if (difference !== undefined) this.now = { tag: 'copy', reason: difference }
    else if (error instanceof FeedError && isOfDecoding(error)) this.#decoding(error, logEnd, wasStreaming)
    else if (this.#place !== '' && !this.#place.startsWith(`${logEnd} `)) this.#forget()
  }

  /** To be called when the remedy has been applied. */
  done(): void {
    this.#forget()
  }

  #decoding(error: FeedError, logEnd: Lsn, wasStreaming: boolean): void {
    const place = `${logEnd} ${error.sqlstate}`
    if (place !== this.#place) this.#count = 0
    this.#place = place
    if (wasStreaming) this.#count += 1
    if (isPublicationMissing(error) || this.#count >= enough) this.now = { tag: 'pass-over', error }
    else this.now = { tag: 'stream' }
  }

  #forget(): void {
    this.#place = ''
    this.#count = 0
    this.now = { tag: 'none' }
  }
}

/**
 * Whether the publication is missing on a PostgreSQL where decoding then fails: before version 18 it fails for everything that
 * was written until the publication existed again. The query runs before the publication is created again, so that its
 * answer comes in time to skip these changes.
 */
export const publicationLostSql = `SELECT (current_setting('server_version_num')::int < 180000 AND NOT EXISTS (SELECT FROM pg_publication WHERE pubname = '${publication}'))::text`

export function publicationLost(): FeedError {
  const message = `publication "${publication}" was dropped`
  return new FeedError('FEED_SOURCE_REFUSED', message, { sqlstate: '42704', context: 'in the change callback' })
}

/** Decoding uses the catalogue of an earlier time, at which the publication did not exist. */
export function isPublicationMissing({ sqlstate, context }: FeedError): boolean {
  return sqlstate === '42704' && context !== undefined && / callback/.test(context)
}

/** PostgreSQL has failed to decode a change, for a reason that may stay. */
export function isOfDecoding({ context, sqlstate }: FeedError): boolean {
  return context !== undefined && /output plugin .* callback/.test(context) && !passing.test(sqlstate)
}

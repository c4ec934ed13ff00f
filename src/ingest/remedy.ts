// What the next attempt does about the failure of the last ones. Most failures mend themselves when it is tried again. One
// that PostgreSQL's decoding reports does not, when it comes again and again at the same place: the slot would stand there
// for ever.

import { FeedError } from '../errors/feed-error.ts'
import type { Lsn } from '../core/lsn.ts'
import { publication } from '../source-schema/names.ts'

export type Remedy =
  | { readonly tag: 'none' }
  /** The source is another one: the log goes on behind a gap. */
  | { readonly tag: 'copy'; readonly reason: string }
  /** Only the stream shows what comes before the change that fails: a pull gives all or nothing. */
  | { readonly tag: 'stream' }
  /** The next transaction can never be read. */
  | { readonly tag: 'pass-over'; readonly error: FeedError }

export interface Failure {
  readonly error: unknown
  /** Durable end of the log. */
  readonly logEnd: Lsn
  /** Why the source is not the one of the log. */
  readonly difference: string | undefined
  /** Not in a pull. */
  readonly wasStreaming: boolean
}

/** A failure at the same place that came so often is no accident. */
const enough = 3

/** Resources, operators, the system, the connection: time may mend them wherever they show. */
const passing = /^(08|40|53|55|57|58)/

export class Remedies {
  #place = ''
  #count = 0
  now: Remedy = { tag: 'none' }

  /** An attempt failed. */
  failed({ error, logEnd, difference, wasStreaming }: Failure): void {
    if (difference !== undefined) this.now = { tag: 'copy', reason: difference }
    else if (error instanceof FeedError && isOfDecoding(error)) this.#decoding(error, logEnd, wasStreaming)
    else if (this.#place !== '' && !this.#place.startsWith(`${logEnd} `)) this.#forget()
  }

  /** What the remedy was for is over. */
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
 * One value: whether the publication is missing where decoding would then fail, as it does before PostgreSQL 18 for all that
 * was written until it was there again. Asked before it is made anew, the way on is known before a table is put back.
 */
export const publicationLostSql = `SELECT (current_setting('server_version_num')::int < 180000 AND NOT EXISTS (SELECT FROM pg_publication WHERE pubname = '${publication}'))::text`

export function publicationLost(): FeedError {
  const message = `publication "${publication}" was dropped`
  return new FeedError('FEED_SOURCE_REFUSED', message, { sqlstate: '42704', context: 'in the change callback' })
}

/** Decoding as of then does not find the publication, although it is there now. */
export function isPublicationMissing({ sqlstate, context }: FeedError): boolean {
  return sqlstate === '42704' && context !== undefined && / callback/.test(context)
}

function isOfDecoding({ context, sqlstate }: FeedError): boolean {
  return context !== undefined && /output plugin .* callback/.test(context) && !passing.test(sqlstate)
}

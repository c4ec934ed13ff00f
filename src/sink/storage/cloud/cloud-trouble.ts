// What an error of a cloud means for the sink, as far as it is the same for all of them. The errors of the vendors' libraries hold
// requests with their headers, so they never become the cause of an error of ours.

import { retryAfterMs } from '../../../core/retry-after.ts'
import { FeedError } from '../../../errors/feed-error.ts'
import { refusalIn } from '../../../net/guarded-lookup.ts'
import { withoutAdvice } from '../../../net/network-hint.ts'
import { saidBy } from '../../said-by.ts'
import type { StorageTrouble } from '../storage-client.ts'
import { ForeignAnswer, foreignAnswer, noHttp, type FarEnd } from './foreign-answer.ts'

/** A request on which no byte moves for this time has failed. */
export const idleMs = 60_000
export const connectMs = 10_000

const maxPauseMs = 60_000

/** Whether the same request may succeed later. */
export function isLater(status: number): boolean {
  return status >= 500 || [408, 425, 429].includes(status)
}

/** What the header Retry-After asks for. */
export function pauseOf(retryAfter: string | null | undefined): number | undefined {
  const ms = retryAfterMs(retryAfter)
  return ms === undefined ? undefined : Math.min(ms, maxPauseMs)
}

/** The trouble of a request that got no answer, or one that is none of the far end. */
export function unreachable(
  farEnd: FarEnd,
  error: unknown,
  secrets: readonly (string | undefined)[] = [],
): StorageTrouble {
  if (error instanceof FeedError) return { tag: error.retry ? 'failed' : 'refused', error }
  if (error instanceof ForeignAnswer) return { tag: 'failed', error: foreignAnswer(farEnd, error.head) }
  const refused = refusalIn(error)
  if (refused !== undefined) return { tag: 'refused', error: refused }
  const reason = reasonOf(error)
  if (reason.startsWith('Parse Error')) return { tag: 'failed', error: noHttp(farEnd) }
  const { name } = farEnd
  const said = saidBy(reason, secrets)
  const hint = hintOf(farEnd, said)
  return { tag: 'failed', error: new FeedError('FEED_SINK', `${name} cannot be reached: ${said}`, { hint }) }
}

function hintOf({ isTls }: FarEnd, said: string): string | undefined {
  if (/self.signed|unable to (?:verify|get)|CERT_/i.test(said))
    return "a certificate of an authority of your own is trusted if an admin sets it: SET CLUSTER SETTING cloudstorage.http.custom_ca = '…', or if NODE_EXTRA_CA_CERTS names its file when the server starts"
  if (/ENOTFOUND|EAI_AGAIN/.test(said)) return 'the name of the host cannot be resolved'
  if (/ECONNREFUSED/.test(said)) return 'check host and port, and whether the service runs: nothing listens there'
  if (/wrong version|packet length/i.test(said))
    return 'the service does not speak TLS on this port: check the port, or write http instead of https in the URI or its endpoint'
  if (/altnames/i.test(said)) return 'name the host as the certificate of the service does'
  if (!isTls && /ECONNRESET|hang up|other side closed/i.test(said))
    return 'the connection was closed; if none has ever worked, the service may want TLS on this port: write https in place of http'
  return undefined
}

export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0])
  if (!(error instanceof Error)) return 'no reason is given'
  const { code } = error as NodeJS.ErrnoException
  // The library of S3 calls it a time-out, too, when the far end closes the connection.
  if (code !== 'ECONNRESET' && (error.name === 'AbortError' || error.name === 'TimeoutError'))
    return 'it did not answer in time'
  if (error.message === '') return code ?? error.name
  return withoutAdvice(error.message)
}

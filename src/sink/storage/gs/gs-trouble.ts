// What an error of Google Cloud Storage means for the sink.

import { FeedError } from '../../../errors/feed-error.ts'
import { shownPlace } from '../cloud/bucket-place.ts'
import { addressOf } from '../cloud/cloud-parameters.ts'
import { isLater, pauseOf, unreachable } from '../cloud/cloud-trouble.ts'
import { ForeignAnswer, foreignAnswer, type FarEnd } from '../cloud/foreign-answer.ts'
import type { HttpAnswer } from '../cloud/http-request.ts'
import { saidBy } from '../../said-by.ts'
import type { StorageTrouble } from '../storage-client.ts'
import { googleUrl, type GsLocation } from './location.ts'

export class GsAnswer extends Error {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly contentType: string | undefined
  /** Google has said it, and not what stands before it or in its place. */
  readonly isOfGoogle: boolean

  constructor({ status, headers, text }: HttpAnswer) {
    const said = messageIn(text)
    super(said ?? '')
    this.status = status
    this.retryAfter = headers['retry-after']
    this.contentType = headers['content-type']
    this.isOfGoogle = said !== undefined || isByGoogle(headers)
  }
}

/**
 * Throws unless the answer has the member that the request has asked for, or comes from Google by its headers. Something else may
 * answer 200 to whatever it gets, and keep nothing.
 */
export function expectMember({ status, headers, text }: HttpAnswer, member: 'name' | 'kind'): void {
  if (isByGoogle(headers)) return
  try {
    const object = JSON.parse(text) as Readonly<Record<string, unknown>> | null
    if (typeof object?.[member] === 'string') return
  } catch {
    // It is no JSON.
  }
  throw new ForeignAnswer({ status, contentType: headers['content-type'] })
}

function isByGoogle(headers: HttpAnswer['headers']): boolean {
  return Object.keys(headers).some((name) => /^x-(?:goog|guploader)-/.test(name))
}

/** `url`: that of the far end. */
export function gsTrouble(thrown: unknown, location: GsLocation, url: string): StorageTrouble {
  const name = shownPlace('gs', location)
  const isTls = url.startsWith('https:')
  const namedBy = url === googleUrl ? undefined : 'STORAGE_EMULATOR_HOST'
  const farEnd: FarEnd = { name, whose: 'Google Cloud Storage', ...addressOf(url), isTls, namedBy }
  if (!(thrown instanceof GsAnswer)) return unreachable(farEnd, thrown, secretsOf(location))
  const { status, retryAfter, message, contentType, isOfGoogle } = thrown
  if (status < 500 && !isOfGoogle) {
    const error = foreignAnswer(farEnd, { status, contentType })
    return { tag: tagOf(status), error, pauseMs: pauseOf(retryAfter) }
  }
  const said = saidBy(message, secretsOf(location))
  const error = new FeedError('FEED_SINK', `${name}: Google answered ${status}${said === '' ? '' : `: ${said}`}`, {
    hint: hintOf(status, location),
  })
  return { tag: tagOf(status), error, pauseMs: pauseOf(retryAfter) }
}

function tagOf(status: number): StorageTrouble['tag'] {
  if (status === 401) return 'expired'
  return status < 300 || isLater(status) ? 'failed' : 'refused'
}

function hintOf(status: number, { bucket }: GsLocation): string | undefined {
  if (status === 401) return 'a new token is fetched; the account may have been disabled'
  if (status === 403)
    return `the account needs storage.objects.create and storage.objects.delete on ${bucket}: roles/storage.objectUser`
  if (status === 404) return `create the bucket ${bucket}, or correct its name`
  return undefined
}

function secretsOf({ credentials: { key } }: GsLocation): readonly string[] {
  if (key.tag === 'implicit') return []
  return key.tag === 'service-account' ? [key.key] : [key.clientSecret, key.refreshToken]
}

/** Returns undefined if the text is none of Google's errors. */
function messageIn(text: string): string | undefined {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: string } | string }
    if (error === undefined) return undefined
    return typeof error === 'string' ? error : (error.message ?? '')
  } catch {
    return undefined
  }
}

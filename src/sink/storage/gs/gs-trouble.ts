// What an error of Google Cloud Storage means for the sink.

import { FeedError } from '../../../errors/feed-error.ts'
import { shownPlace } from '../cloud/bucket-place.ts'
import { isLater, pauseOf, unreachable } from '../cloud/cloud-trouble.ts'
import type { HttpAnswer } from '../cloud/http-request.ts'
import { saidBy } from '../../said-by.ts'
import type { StorageTrouble } from '../storage-client.ts'
import type { GsLocation } from './kind.ts'

export class GsAnswer extends Error {
  readonly status: number
  readonly retryAfter: string | undefined

  constructor({ status, headers, text }: HttpAnswer) {
    super(messageIn(text))
    this.status = status
    this.retryAfter = headers['retry-after']
  }
}

export function gsTrouble(thrown: unknown, location: GsLocation): StorageTrouble {
  const name = shownPlace('gs', location)
  if (!(thrown instanceof GsAnswer)) return unreachable(name, thrown, secretsOf(location))
  const { status, retryAfter, message } = thrown
  const said = saidBy(message, secretsOf(location))
  const error = new FeedError('FEED_SINK', `${name}: Google answered ${status}${said === '' ? '' : `: ${said}`}`, {
    hint: hintOf(status, location),
  })
  if (status === 401) return { tag: 'expired', error }
  return { tag: isLater(status) ? 'failed' : 'refused', error, pauseMs: pauseOf(retryAfter) }
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

function messageIn(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: string } | string }
    return typeof error === 'string' ? error : (error?.message ?? '')
  } catch {
    // A proxy may answer with a page.
    return text.startsWith('<') ? '' : text
  }
}

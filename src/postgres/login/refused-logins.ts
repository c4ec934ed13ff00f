// Remembers passwords that a server has refused, so that attempts that follow each other quickly do not lock an account. The
// same password is tried again after pauses that grow to a minute; another password, such as one of a changed file, at once.

import { backoffAfter } from '../../async/backoff.ts'
import { FeedError } from '../../errors/feed-error.ts'

const backoff = { firstMs: 1000, mostMs: 60_000 } as const

interface RefusedLogin {
  readonly password: string
  readonly failures: number
  readonly untilMs: number
  readonly error: FeedError
}

/** By server and role. Each thread has memory of its own. */
const refused = new Map<string, RefusedLogin>()

export interface LoginKey {
  readonly server: string
  readonly user: string
}

/** Throws the error of the last attempt if this password was refused a short time ago. */
export function checkNotRefused(key: LoginKey, password: string, nowMs: number = Date.now()): void {
  const last = refused.get(nameOf(key))
  if (last === undefined || last.password !== password || nowMs >= last.untilMs) return
  const { message, sqlstate } = last.error
  const hint = `the same password is tried again in ${Math.ceil((last.untilMs - nowMs) / 1000)} s, another one at once`
  throw new FeedError('FEED_SOURCE_REFUSED', message, { sqlstate, hint })
}

export function loginRefused(key: LoginKey, { password, error }: Pick<RefusedLogin, 'password' | 'error'>): void {
  const name = nameOf(key)
  const last = refused.get(name)
  const failures = last?.password === password ? last.failures + 1 : 1
  refused.set(name, { password, failures, untilMs: Date.now() + backoffAfter(failures, backoff), error })
}

export function loginSucceeded(key: LoginKey): void {
  refused.delete(nameOf(key))
}

function nameOf({ server, user }: LoginKey): string {
  return `${server} ${user}`
}

// Who is logged in at the API. A session is a random cookie and, in the memory of the server only, the role with its password: what the API runs
// for it logs in at the SQL port anew. It ends by logging out, when it is not used for a while, after a day, and with the server.

import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isEncrypted } from './api-request.ts'
import type { ApiUser } from './sql-client.ts'

const idleMs = 2 * 3_600_000
const mostMs = 24 * 3_600_000
/** The one that was used least recently gives way to another one. */
const mostSessions = 500

interface ApiSession {
  readonly user: ApiUser
  readonly sinceMs: number
  usedMs: number
  /** When PostgreSQL has taken the password last. */
  confirmedMs: number
  /** What runs for the session ends with it. */
  readonly end: AbortController
}

export class ApiSessions {
  /** By the hash of the cookie, the one that was used last at the end. */
  readonly #sessions = new Map<string, ApiSession>()
  readonly #now: () => number

  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /** Returns the value of the cookie. */
  begin(user: ApiUser): string {
    const token = randomBytes(32).toString('base64url')
    const nowMs = this.#now()
    const session = { user, sinceMs: nowMs, usedMs: nowMs, confirmedMs: nowMs, end: new AbortController() }
    this.#sessions.set(keyOf(token), session)
    const [oldest] = this.#sessions.keys()
    if (this.#sessions.size > mostSessions && oldest !== undefined) this.#end(oldest)
    return token
  }

  of(request: IncomingMessage): ApiUser | undefined {
    const key = keyOf(tokenIn(request))
    const found = this.#sessions.get(key)
    if (found === undefined) return undefined
    const nowMs = this.#now()
    if (nowMs - found.usedMs > idleMs || nowMs - found.sinceMs > mostMs) {
      this.#end(key)
      return undefined
    }
    this.#sessions.delete(key)
    found.usedMs = nowMs
    this.#sessions.set(key, found)
    return found.user
  }

  /** Whether PostgreSQL has taken the password within this time. */
  isConfirmed(request: IncomingMessage, withinMs: number): boolean {
    const found = this.#sessions.get(keyOf(tokenIn(request)))
    return found !== undefined && this.#now() - found.confirmedMs < withinMs
  }

  confirm(request: IncomingMessage): void {
    const found = this.#sessions.get(keyOf(tokenIn(request)))
    if (found !== undefined) found.confirmedMs = this.#now()
  }

  end(request: IncomingMessage): void {
    this.#end(keyOf(tokenIn(request)))
  }

  /** Aborts when the session ends; undefined: there is none. */
  endOf(request: IncomingMessage): AbortSignal | undefined {
    return this.#sessions.get(keyOf(tokenIn(request)))?.end.signal
  }

  #end(key: string): void {
    this.#sessions.get(key)?.end.abort()
    this.#sessions.delete(key)
  }
}

/** The Set-Cookie of a session; without a token, of its end. */
export function sessionCookie(token: string | undefined, request: IncomingMessage): string {
  const life = token === undefined ? '; Max-Age=0' : ''
  const secure = isEncrypted(request) ? '; Secure' : ''
  return `${cookieName(request)}=${token ?? ''}; Path=/api/; HttpOnly; SameSite=Strict${secure}${life}`
}

/**
 * Browsers know cookies by the name of the machine, whatever the port. With the port in the name, two servers of one machine, or at the ends of two
 * tunnels, do not log each other out. A browser takes a name with this prefix over TLS only, so that what it is told without TLS changes nothing.
 */
function cookieName(request: IncomingMessage): string {
  const port = /:(\d+)$/.exec(request.headers.host ?? '')?.[1] ?? 'default'
  return `${isEncrypted(request) ? '__Secure-' : ''}changefeed_session_${port}`
}

function tokenIn(request: IncomingMessage): string {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim().split('='))
  const wanted = cookieName(request)
  return pairs.find(([name]) => name === wanted)?.[1] ?? ''
}

/** Looking a secret up in a table by its hash takes no time that tells anything about it. */
function keyOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}

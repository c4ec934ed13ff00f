// Who uses the API: everybody where there are no passwords, and otherwise who has logged in with a role of PostgreSQL. The login is one at the SQL
// port, so PostgreSQL decides.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { late, orLate } from '../../async/or-late.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { SessionAnswer } from './answers.ts'
import { isEncrypted, isPrivate, optionalTextIn, readBody, textIn } from './api-request.ts'
import { ApiSessions, sessionCookie } from './api-sessions.ts'
import { errorAnswer, statusOf } from './error-answer.ts'
import { FailedLogins } from './failed-logins.ts'
import { sendJson } from './send-json.ts'
import { connectAs, inSession, sessionSlots, type ApiUser, type OwnPort } from './sql-client.ts'

/** What is only read may be read for so long by a role that has lost its login. */
const confirmedForMs = 60_000
/** Where PostgreSQL hangs nobody can be asked. */
const confirmWithinMs = 3000

export interface LoginsOptions {
  readonly port: OwnPort
  /** Who everybody is; undefined: a role has to log in. */
  readonly everybody: ApiUser | undefined
  /** Passwords are taken over connections that others can read: the SQL port takes them, too. */
  readonly isOpen: boolean
  readonly defaultDatabase: string
  readonly version: string
}

export class Logins {
  readonly #options: LoginsOptions
  readonly #sessions = new ApiSessions()
  readonly #failed = new FailedLogins()
  readonly #slots = sessionSlots()

  constructor(options: LoginsOptions) {
    this.#options = options
  }

  /** Undefined: nobody is logged in. */
  userOf(request: IncomingMessage): ApiUser | undefined {
    return this.#options.everybody ?? this.#sessions.of(request)
  }

  /**
   * The same for who does or reads something: a role that may not log in any more, or whose password was changed, is logged out. PostgreSQL is asked
   * again after a minute, and each time before something is done.
   */
  async confirmedUserOf(request: IncomingMessage, doesSomething: boolean): Promise<ApiUser | undefined> {
    const user = this.userOf(request)
    const { everybody, port } = this.#options
    if (user === undefined || everybody !== undefined) return user
    if (this.#sessions.isConfirmed(request, doesSomething ? 0 : confirmedForMs)) return user
    try {
      const asked = inSession(user, { port, slots: this.#slots }, async () => undefined)
      if ((await orLate(asked, confirmWithinMs)) !== late) this.#sessions.confirm(request)
      return user
    } catch (error) {
      // Where PostgreSQL is away nobody can be asked.
      if (errorAnswer(error).sqlstate?.startsWith('28') !== true) return user
      this.#sessions.end(request)
      return undefined
    }
  }

  /** Aborts when the session of the request ends; undefined: it has none. */
  endOf(request: IncomingMessage): AbortSignal | undefined {
    return this.#options.everybody === undefined ? this.#sessions.endOf(request) : undefined
  }

  session(request: IncomingMessage): SessionAnswer {
    return this.#answer(this.userOf(request))
  }

  logout(request: IncomingMessage, response: ServerResponse): void {
    this.#sessions.end(request)
    sendJson(response, 200, {}, { 'set-cookie': sessionCookie(undefined, isEncrypted(request)) })
  }

  async login(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { everybody, isOpen, port } = this.#options
    if (everybody !== undefined) return sendJson(response, 200, this.#answer(everybody))
    if (!isOpen && !isPrivate(request)) {
      return sendJson(response, 403, {
        error: 'a password is not taken from another machine over a connection that is not encrypted',
        hint: 'use https:// (with --tls-cert), or let a tunnel end at this machine (ssh -L 8080:localhost:8080)',
      })
    }
    const user = await this.#userIn(request)
    const address = request.socket.remoteAddress ?? ''
    const waitMs = this.#failed.waitMs(address, user.name)
    if (waitMs > 0) {
      const seconds = Math.ceil(waitMs / 1000)
      const text = { error: `too many failed logins: try again in ${seconds} s` }
      return sendJson(response, 429, text, { 'retry-after': String(seconds) })
    }
    // It counts until it has succeeded: attempts at the same time are no way around the limit.
    this.#failed.failed(address, user.name)
    try {
      const client = await connectAs(user, port)
      await client.end().catch(() => undefined)
    } catch (error) {
      const { sqlstate } = errorAnswer(error)
      // What the client says when it is asked for what it does not have.
      if (user.password === '' && sqlstate === undefined && !isOfNetwork(error))
        return sendJson(response, 401, { error: `PostgreSQL asks for the password of role ${user.name}` })
      if (sqlstate?.startsWith('28') === true) return sendJson(response, 401, errorAnswer(error))
      // PostgreSQL has not said that the password is wrong, so nobody has to wait for this one.
      this.#failed.takeBack(address, user.name)
      return sendJson(response, sqlstate === undefined ? 503 : statusOf(error), errorAnswer(error))
    }
    this.#failed.succeeded(address, user.name)
    const cookie = sessionCookie(this.#sessions.begin(user), isEncrypted(request))
    sendJson(response, 200, this.#answer(user), { 'set-cookie': cookie })
  }

  async #userIn(request: IncomingMessage): Promise<ApiUser> {
    const body = await readBody(request)
    const [name, password] = [textIn(body, 'user'), textIn(body, 'password')]
    const database = optionalTextIn(body, 'database') ?? this.#options.defaultDatabase
    if (name !== '' && database !== '') return { name, database, password }
    throw new FeedError('FEED_OPTION', `the name of the ${name === '' ? 'role' : 'database'} is empty`)
  }

  #answer(user: ApiUser | undefined): SessionAnswer {
    const { everybody, defaultDatabase, version } = this.#options
    const database = user?.database ?? defaultDatabase
    return { user: user?.name, needsLogin: everybody === undefined, database, version }
  }
}

/** PostgreSQL, or our own port, did not answer. */
function isOfNetwork(error: unknown): boolean {
  return (
    error instanceof Error &&
    ('syscall' in error || error instanceof AggregateError || /timeout|terminated/i.test(error.message))
  )
}

// Who uses the API: everybody where there are no passwords, and otherwise who has logged in with a role of PostgreSQL. The login is one at the SQL
// port, so PostgreSQL decides.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { late, orLate } from '../../async/or-late.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { SessionAnswer } from './answers.ts'
import { isPrivate, optionalTextIn, readBody, textIn } from './api-request.ts'
import { ApiSessions, sessionCookie } from './api-sessions.ts'
import { errorAnswer, statusOf } from './error-answer.ts'
import { FailedLogins } from './failed-logins.ts'
import { sendJson } from './send-json.ts'
import { connectAs, inSession, sessionSlots, type ApiUser, type OwnPort } from './sql-client.ts'

/** What is only read may be read for so long by a role that has lost its login. */
const confirmedForMs = 60_000
/** Where PostgreSQL hangs nobody can be asked, and who only looks waits no longer. */
const confirmWithinMs = 3000
/** Who logs in or does something waits no longer: behind others that log in it may take some seconds. */
const loginWithinMs = 10_000

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
   * again after a minute, and each time before something is done: then an answer is waited for, and whatever else it says is thrown.
   */
  async confirmedUserOf(request: IncomingMessage, doesSomething: boolean): Promise<ApiUser | undefined> {
    const user = this.userOf(request)
    const { everybody, port } = this.#options
    if (user === undefined || everybody !== undefined) return user
    if (this.#sessions.isConfirmed(request, doesSomething ? 0 : confirmedForMs)) return user
    try {
      const asked = inSession(user, { port, slots: this.#slots }, async () => undefined)
      if ((await orLate(asked, doesSomething ? loginWithinMs : confirmWithinMs)) !== late)
        this.#sessions.confirm(request)
      else if (doesSomething) throw notAnswered()
      return user
    } catch (error) {
      if (isRefused(error)) {
        this.#sessions.end(request)
        return undefined
      }
      // Where PostgreSQL is away nobody can be asked, and what was seen before may be seen for longer.
      if (doesSomething) throw error
      return user
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
    sendJson(response, 200, {}, { 'set-cookie': sessionCookie(undefined, request) })
  }

  async login(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { everybody, isOpen } = this.#options
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
      // A late answer counts when it comes.
      if ((await orLate(this.#ask(user, address), loginWithinMs)) === late) throw notAnswered()
    } catch (error) {
      if (isUnasked(user, error))
        return sendJson(response, 401, { error: `PostgreSQL asks for the password of role ${user.name}` })
      const { sqlstate } = errorAnswer(error)
      return sendJson(response, sqlstate === undefined ? 503 : statusOf(error), errorAnswer(error))
    }
    const cookie = sessionCookie(this.#sessions.begin(user), request)
    sendJson(response, 200, this.#answer(user), { 'set-cookie': cookie })
  }

  /** Logs in at the SQL port, and counts what comes of it. */
  async #ask(user: ApiUser, address: string): Promise<void> {
    try {
      const client = await connectAs(user, this.#options.port)
      await client.end().catch(() => undefined)
    } catch (error) {
      // If PostgreSQL has not said that the password is wrong, nobody has to wait for this one.
      const isWrong = errorAnswer(error).sqlstate?.startsWith('28') === true
      if (!isWrong && !isUnasked(user, error)) this.#failed.takeBack(address, user.name)
      throw error
    }
    this.#failed.succeeded(address, user.name)
  }

  async #userIn(request: IncomingMessage): Promise<ApiUser> {
    const body = await readBody(request, ['user', 'password', 'database'])
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

/** The client itself says so when it is asked for a password that it does not have. */
function isUnasked({ password }: ApiUser, error: unknown): boolean {
  return password === '' && errorAnswer(error).sqlstate === undefined && !isOfNetwork(error)
}

/** By these codes PostgreSQL says that the role may not log in, or not to this database, or that the database takes nobody or is gone. */
const refusals = /^(?:28|42501$|55000$|3D000$)/

function isRefused(error: unknown): boolean {
  return refusals.test(errorAnswer(error).sqlstate ?? '')
}

function notAnswered(): FeedError {
  return new FeedError('FEED_SOURCE_DOWN', `PostgreSQL has not answered within ${loginWithinMs / 1000} s`, {
    hint: 'nothing was done; GET /health?ready=1 says whether PostgreSQL answers',
  })
}

/** PostgreSQL, or our own port, did not answer. */
function isOfNetwork(error: unknown): boolean {
  return (
    error instanceof Error &&
    ('syscall' in error || error instanceof AggregateError || /timeout|terminated/i.test(error.message))
  )
}

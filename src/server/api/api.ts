// The HTTP API under /api/v1/, by which the console sees and controls changefeeds (docs/reference/http.md). It has no rights of its own: what it
// shows and does is what the role that uses it may see and do by SQL, by the same code.
//
// Without passwords (--insecure, with a PostgreSQL of the server's own) everybody at this machine is root, as at the SQL port. Otherwise a role
// logs in, at the SQL port, and a cookie stands for it. Requests that do something carry a header that pages of other sites cannot send.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { FeedError } from '../../errors/feed-error.ts'
import { safeHeaders } from '../../http/console-files.ts'
import type { JobVerb } from '../../jobs/jobs.ts'
import type { ListedJob } from '../../jobs/listed-jobs.ts'
import type { SessionAnswer } from './answers.ts'
import {
  isEncrypted,
  isFromThisMachine,
  isOwnRequest,
  isPrivate,
  numberIn,
  optionalTextIn,
  ownHeader,
  readBody,
  textIn,
} from './api-request.ts'
import { ApiSessions, sessionCookie } from './api-sessions.ts'
import { check, create, form, tables, type FormCall } from './changefeed-form.ts'
import { errorAnswer, statusOf } from './error-answer.ts'
import { events } from './events.ts'
import { FailedLogins } from './failed-logins.ts'
import { liveTail } from './live-tail.ts'
import { jobDetail, listJobs } from './jobs.ts'
import { overview, type OverviewParts } from './overview.ts'
import { querySeries, keptMetrics } from './series.ts'
import { connectAs, type ApiUser, type OwnPort } from './sql-client.ts'
import type { SeriesStore } from '../../core/series.ts'

export const apiPrefix = '/api/v1/'

/** So many live tails may run at a time. */
const mostTails = 20

export interface ApiOptions {
  readonly parts: OverviewParts
  readonly port: OwnPort
  /** Who everybody is; undefined: a role has to log in. */
  readonly everybody: ApiUser | undefined
  /** Other machines may use the API without logging in, or log in without encryption: the SQL port lets them do the same. */
  readonly isOpen: boolean
  readonly defaultDatabase: string
  readonly version: string
  /** Undefined: no data points are kept. */
  readonly series: SeriesStore | undefined
}

interface Call {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: URL
  /** The parts of the path that its pattern leaves open. */
  readonly parts: readonly string[]
}

interface UserCall extends Call {
  readonly user: ApiUser
}

/** An object is the answer; undefined: the handler has answered itself. */
type Handler<C extends Call> = (call: C) => Promise<object | undefined> | object | undefined

interface Route {
  readonly method: 'GET' | 'POST'
  readonly pattern: RegExp
  readonly run: Handler<UserCall>
}

export class Api {
  readonly #options: ApiOptions
  readonly #sessions = new ApiSessions()
  readonly #failed = new FailedLogins()
  readonly #routes: readonly Route[]
  #tails = 0

  constructor(options: ApiOptions) {
    this.#options = options
    this.#routes = this.#allRoutes()
  }

  /** Answers a request whose path begins with `apiPrefix`. */
  async answer(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    try {
      await this.#answer(request, response, url)
    } catch (error) {
      if (response.headersSent) response.destroy()
      else send(response, statusOf(error), errorAnswer(error))
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const path = url.pathname.slice(apiPrefix.length)
    const { everybody, isOpen } = this.#options
    if (everybody !== undefined && !isOpen && !isFromThisMachine(request)) {
      send(response, 403, {
        error: 'this server has no passwords: only this machine may use its console',
        hint: 'let a tunnel end at this machine (ssh -L 8080:localhost:8080), or use a server with passwords: changefeed start',
      })
      return
    }
    const doesSomething = request.method !== 'GET' || path.endsWith('/messages')
    if (doesSomething && !isOwnRequest(request)) {
      send(response, 403, {
        error: `this request does something, and did not come from the console`,
        hint: `a program sends the header ${ownHeader}: 1, and no Origin`,
      })
      return
    }
    const call = { request, response, url, parts: [] }
    if (path === 'session' && request.method === 'GET') return send(response, 200, this.#session(request))
    if (path === 'login' && request.method === 'POST') return this.#login(call)
    if (path === 'logout' && request.method === 'POST') {
      this.#sessions.end(request)
      return send(response, 200, {}, { 'set-cookie': sessionCookie(undefined, false) })
    }
    const user = this.#userOf(request)
    if (user === undefined) return send(response, 401, { error: 'nobody is logged in', hint: `POST ${apiPrefix}login` })
    const found = this.#routes.filter(({ pattern }) => pattern.test(path))
    const route = found.find(({ method }) => method === request.method)
    if (route === undefined) {
      const [status, error] = found.length > 0 ? [405, 'the method does not fit'] : [404, `nothing at ${url.pathname}`]
      return send(response, status, { error })
    }
    const parts = (route.pattern.exec(path) ?? []).slice(1)
    const answer = await route.run({ ...call, parts, user })
    if (answer !== undefined) send(response, 200, answer)
  }

  #allRoutes(): readonly Route[] {
    const { parts, series } = this.#options
    const { listed, jobs, backend } = parts
    const get = (pattern: RegExp, run: Handler<UserCall>): Route => ({ method: 'GET', pattern, run })
    const post = (pattern: RegExp, run: Handler<UserCall>): Route => ({ method: 'POST', pattern, run })
    return [
      get(/^overview$/, ({ user }) => overview(parts, user.name)),
      get(/^events$/, ({ user, url }) =>
        events(listed, { user: user.name, limit: numberIn(url, 'limit', { fallback: 5, most: 200 }) }),
      ),
      get(/^jobs$/, ({ user, url }) => listJobs(parts, { user: user.name, url })),
      get(/^jobs\/(\d{1,19})$/, ({ user, parts: [id = ''] }) => jobDetail(parts, { user: user.name, id })),
      post(/^jobs\/(\d{1,19})\/(pause|resume|cancel)$/, async ({ user, parts: [id = '', verb] }) => {
        await jobs.request([id], verb as JobVerb, user.name)
        return jobDetail(parts, { user: user.name, id })
      }),
      get(/^jobs\/(\d{1,19})\/messages$/, (call) => this.#tail(call)),
      get(/^form$/, () => form()),
      get(/^tables$/, ({ user, url }) =>
        tables(this.#formCall(user, url.searchParams.get('database') ?? undefined), backend.own?.systemDatabase),
      ),
      post(/^changefeeds\/check$/, async ({ user, request }) => {
        const body = await readBody(request)
        return check(this.#formCall(user, optionalTextIn(body, 'database')), textIn(body, 'statement'))
      }),
      post(/^changefeeds$/, async ({ user, request }) => {
        const body = await readBody(request)
        return create(this.#formCall(user, optionalTextIn(body, 'database')), textIn(body, 'statement'))
      }),
      get(/^metrics$/, () => keptMetrics(series)),
      get(/^series$/, ({ url }) => querySeries(series, url)),
    ]
  }

  #formCall(user: ApiUser, database: string | undefined): FormCall {
    return { user, port: this.#options.port, database }
  }

  #session(request: IncomingMessage): SessionAnswer {
    const { everybody, defaultDatabase, version } = this.#options
    const user = this.#userOf(request)
    const database = user?.database ?? defaultDatabase
    return { user: user?.name, needsLogin: everybody === undefined, database, version }
  }

  #userOf(request: IncomingMessage): ApiUser | undefined {
    return this.#options.everybody ?? this.#sessions.of(request)
  }

  async #login({ request, response }: Call): Promise<void> {
    const { everybody, isOpen, port, defaultDatabase } = this.#options
    if (everybody !== undefined) return send(response, 200, this.#session(request))
    if (!isOpen && !isPrivate(request)) {
      return send(response, 403, {
        error: 'a password is not taken from another machine over a connection that is not encrypted',
        hint: 'use https:// (with --tls-cert), or let a tunnel end at this machine (ssh -L 8080:localhost:8080)',
      })
    }
    const body = await readBody(request)
    const name = textIn(body, 'user')
    const password = textIn(body, 'password')
    const database = optionalTextIn(body, 'database') ?? defaultDatabase
    const address = request.socket.remoteAddress ?? ''
    const waitMs = this.#failed.waitMs(address, name)
    if (waitMs > 0) {
      const seconds = Math.ceil(waitMs / 1000)
      const text = { error: `too many failed logins: try again in ${seconds} s` }
      return send(response, 429, text, { 'retry-after': String(seconds) })
    }
    const user: ApiUser = { name, database, password }
    // It counts until it has succeeded: attempts at the same time are no way around the limit.
    this.#failed.failed(address, name)
    try {
      const client = await connectAs(user, port)
      await client.end().catch(() => undefined)
    } catch (error) {
      return send(response, statusOf(error) === 503 ? 503 : 401, errorAnswer(error))
    }
    this.#failed.succeeded(address, name)
    const token = this.#sessions.begin(user)
    const answer: SessionAnswer = { user: name, needsLogin: true, database, version: this.#options.version }
    send(response, 200, answer, { 'set-cookie': sessionCookie(token, isEncrypted(request)) })
  }

  async #tail({ request, response, url, user, parts: [id = ''] }: UserCall): Promise<undefined> {
    if (this.#tails >= mostTails)
      throw new FeedError('FEED_STATE', `${mostTails} live tails run already`, {
        sqlstate: '53400',
        hint: 'close one of them',
      })
    const job = await this.#jobOf(user, id)
    this.#tails += 1
    try {
      const hasScan = url.searchParams.get('scan') === 'yes'
      await liveTail({ request, response, user, port: this.#options.port, job, hasScan })
    } finally {
      this.#tails -= 1
    }
  }

  async #jobOf(user: ApiUser, id: string): Promise<ListedJob> {
    const { jobs } = await this.#options.parts.listed.page(user.name, { ids: [id], limit: 1 })
    const [job] = jobs
    if (job === undefined) throw new FeedError('FEED_STATE', `job with ID ${id} does not exist`, { sqlstate: '42704' })
    return job
  }
}

function send(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = `${JSON.stringify(body)}\n`
  response.writeHead(status, {
    ...safeHeaders,
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    ...headers,
  })
  response.end(text)
}

// The HTTP API under /api/v1/, by which the console sees and controls changefeeds (docs/reference/http.md). It has no rights of its own: what it
// shows and does is what the role that uses it may see and do by SQL, by the same code.
//
// Without passwords (--insecure, with a PostgreSQL of the server's own) everybody at this machine is root, as at the SQL port. Otherwise a role
// logs in, at the SQL port, and a cookie stands for it. Requests that do something carry a header that pages of other sites cannot send.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { late, orLate } from '../../async/or-late.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { JobVerb } from '../../jobs/jobs.ts'
import type { ListedJob } from '../../jobs/listed-jobs.ts'
import { isOwnRequest, isStream, numberIn, optionalTextIn, ownHeader, readBody, textIn } from './api-request.ts'
import { check, create, form, tables, type FormCall } from './changefeed-form.ts'
import { chosenIn, draft } from './draft.ts'
import { errorAnswer, statusOf } from './error-answer.ts'
import { events } from './events.ts'
import { liveTail } from './live-tail.ts'
import { LiveTails } from './live-tails.ts'
import { jobDetail, listJobs } from './jobs.ts'
import { Overview, type OverviewParts } from './overview.ts'
import { keptMetrics, noJob, querySeries, repeatedSeriesParameters, seriesParameters } from './series.ts'
import { Logins, type LoginsOptions } from './logins.ts'
import { refuseMethod, sendJson } from './send-json.ts'
import { sessionSlots, type ApiUser } from './sql-client.ts'
import { logMalformed } from '../statements/log-refusals.ts'
import { checkParameters } from '../../http/check-parameters.ts'
import { isFromThisMachine, isOfProxy } from '../../http/from-here.ts'
import type { SeriesStore } from '../../core/series.ts'

export const apiPrefix = '/api/v1/'

/** PostgreSQL may hang. Who looks waits no longer than this, and who does something this long. */
const answerWithinMs = 5000
const doneWithinMs = 20_000
const endless = Number.POSITIVE_INFINITY
/** What to do when PostgreSQL is late, for requests that only look, and for those that do something. */
const looks = 'GET /health?ready=1 says whether PostgreSQL answers'
const does = 'look at the jobs before you try again: it may still be done'

/** Where there are no passwords, `isOpen` says that other machines may use the API: the SQL port lets them do the same. */
export interface ApiOptions extends LoginsOptions {
  readonly parts: OverviewParts
  /** Undefined: no data points are kept. */
  readonly series: SeriesStore | undefined
}

interface UserCall {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: URL
  /** The parts of the path that its pattern leaves open. */
  readonly parts: readonly string[]
  readonly user: ApiUser
}

/** An object is the answer; undefined: the handler has answered itself. */
type Handler = (call: UserCall) => Promise<object | undefined> | object | undefined

interface Route {
  readonly method: 'GET' | 'POST'
  readonly pattern: RegExp
  readonly run: Handler
  /** The parameters that the request may have, and those of them that may be repeated. */
  readonly parameters: readonly string[]
  readonly repeated: readonly string[]
}

interface RouteFacts {
  readonly withinMs?: number
  /** What to do when PostgreSQL is late. */
  readonly hint?: string
  readonly parameters?: readonly string[]
  readonly repeated?: readonly string[]
}

interface LoginRoute {
  readonly method: 'GET' | 'POST'
  readonly run: (request: IncomingMessage, response: ServerResponse) => Promise<void> | void
}

export class Api {
  readonly #options: ApiOptions
  readonly #logins: Logins
  readonly #routes: readonly Route[]
  readonly #slots = sessionSlots()
  readonly #tails = new LiveTails()

  constructor(options: ApiOptions) {
    this.#options = options
    this.#logins = new Logins(options)
    this.#routes = this.#allRoutes()
  }

  /** Answers a request whose path begins with `apiPrefix`. */
  async answer(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    try {
      await this.#answer(request, response, url)
    } catch (error) {
      if (response.headersSent) response.destroy()
      else sendJson(response, statusOf(error), errorAnswer(error))
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const path = url.pathname.slice(apiPrefix.length)
    const { everybody, isOpen } = this.#options
    if (everybody !== undefined && !isOpen && (!isFromThisMachine(request) || isOfProxy(request))) {
      sendJson(response, 403, {
        error: 'this server has no passwords: only this machine may use its console',
        hint: 'let a tunnel end at this machine (ssh -L 8080:localhost:8080), or use a server with passwords: changefeed start',
      })
      return
    }
    // HEAD is GET without the body, which Node leaves out; it follows no stream.
    const method = request.method === 'HEAD' && !isStream(path) ? 'GET' : request.method
    const doesSomething = method !== 'GET' || isStream(path)
    if (doesSomething && !isOwnRequest(request)) {
      sendJson(response, 403, {
        error: 'the request lacks the header of the console, or may come from the page of another site',
        hint: `a program sends the header ${ownHeader}: 1, and no Origin`,
      })
      return
    }
    const ofLogins = this.#ofLogins(path)
    if (ofLogins !== undefined && ofLogins.method !== method) return refuseMethod(request, response, [ofLogins.method])
    if (ofLogins !== undefined) {
      checkParameters(url, [])
      return ofLogins.run(request, response)
    }
    const user = await this.#logins.confirmedUserOf(request, doesSomething)
    if (user === undefined)
      return sendJson(response, 401, { error: 'nobody is logged in', hint: `POST ${apiPrefix}login` })
    const found = this.#routes.filter(({ pattern }) => pattern.test(path))
    const route = found.find((one) => one.method === method)
    if (route === undefined) {
      if (found.length === 0) return sendJson(response, 404, { error: `nothing at ${url.pathname}` })
      return refuseMethod(
        request,
        response,
        found.map((one) => one.method),
      )
    }
    checkParameters(url, route.parameters, route.repeated)
    const parts = (route.pattern.exec(path) ?? []).slice(1)
    const answer = await route.run({ request, response, url, parts, user })
    if (answer !== undefined) sendJson(response, 200, answer)
  }

  /** What is for everybody, also without a session. */
  #ofLogins(path: string): LoginRoute | undefined {
    const logins = this.#logins
    if (path === 'session')
      return { method: 'GET', run: (request, response) => sendJson(response, 200, logins.session(request)) }
    if (path === 'login') return { method: 'POST', run: (request, response) => logins.login(request, response) }
    if (path === 'logout') return { method: 'POST', run: (request, response) => logins.logout(request, response) }
    return undefined
  }

  #allRoutes(): readonly Route[] {
    const { parts, series } = this.#options
    const { listed, jobs, backend, log } = parts
    const overview = new Overview(parts)
    const routeOf =
      (method: Route['method'], usual: { readonly withinMs: number; readonly hint: string }) =>
      (pattern: RegExp, run: Handler, facts: RouteFacts = {}): Route => {
        const { withinMs = usual.withinMs, hint = usual.hint, parameters = [], repeated = [] } = facts
        return { method, pattern, run: inTime(run, withinMs, hint), parameters, repeated }
      }
    const get = routeOf('GET', { withinMs: answerWithinMs, hint: looks })
    const post = routeOf('POST', { withinMs: doneWithinMs, hint: does })
    return [
      get(/^overview$/, ({ user }) => overview.answer(user.name)),
      get(
        /^events$/,
        ({ user, url }) =>
          events(listed, { user: user.name, limit: numberIn(url, 'limit', { fallback: 5, most: 200 }) }),
        { parameters: ['limit'] },
      ),
      get(/^jobs$/, ({ user, url }) => listJobs(parts, { user: user.name, url }), {
        parameters: ['status', 'text', 'limit', 'offset'],
        repeated: ['status'],
      }),
      get(/^jobs\/(\d{1,19})$/, ({ user, parts: [id = ''] }) => {
        if (!isJobId(id)) throw noJob(id)
        return jobDetail(parts, { user: user.name, id })
      }),
      post(/^jobs\/(\d{1,19})\/(pause|resume|cancel)$/, async ({ user, request, parts: [id = '', verb] }) => {
        await readBody(request, [])
        if (!isJobId(id)) throw noJob(id)
        await jobs.request([id], verb as JobVerb, user.name)
        return jobDetail(parts, { user: user.name, id })
      }),
      get(/^jobs\/(\d{1,19})\/messages$/, (call) => this.#tail(call), {
        withinMs: endless,
        parameters: ['scan'],
      }),
      get(/^form$/, () => form()),
      post(
        /^form$/,
        async ({ user, request }) => {
          const body = await readBody(request, ['database', 'tables', 'sink', 'options'])
          return draft(this.#formCall(user, optionalTextIn(body, 'database')), chosenIn(body))
          // It only looks, and the next key asks again.
        },
        { withinMs: answerWithinMs, hint: looks },
      ),
      get(
        /^tables$/,
        ({ user, url }) =>
          tables(this.#formCall(user, url.searchParams.get('database') ?? undefined), backend.own?.systemDatabase),
        { parameters: ['database'] },
      ),
      post(
        /^changefeeds\/check$/,
        async ({ user, request }) => {
          const body = await readBody(request, ['database', 'statement'])
          return check(this.#formCall(user, optionalTextIn(body, 'database')), textIn(body, 'statement'))
        },
        { hint: looks },
      ),
      post(
        /^changefeeds$/,
        async ({ user, request }) => {
          const body = await readBody(request, ['database', 'statement'])
          const database = optionalTextIn(body, 'database')
          const session = {
            user: user.name,
            database: database ?? user.database,
            clientAddress: request.socket.remoteAddress ?? '',
          }
          return create(this.#formCall(user, database), textIn(body, 'statement'), (piece) =>
            logMalformed(piece, log).refused?.(session),
          )
          // The statement may wait for transactions of the application.
        },
        { withinMs: endless },
      ),
      get(/^metrics$/, () => keptMetrics(series)),
      get(/^series$/, (call) => this.#series(call), {
        parameters: seriesParameters,
        repeated: repeatedSeriesParameters,
      }),
    ]
  }

  #formCall(user: ApiUser, database: string | undefined): FormCall {
    return { user, port: this.#options.port, slots: this.#slots, database }
  }

  async #series({ user, url, response }: UserCall): Promise<object> {
    const { parts, series } = this.#options
    const unknownJob = async (ids: readonly string[]): Promise<string | undefined> => {
      if (ids.length === 0) return undefined
      const odd = ids.find((id) => !isJobId(id))
      if (odd !== undefined) return odd
      const { jobs: known } = await parts.listed.page(user.name, { ids, limit: ids.length, hasSpec: false })
      return ids.find((id) => !known.some((job) => job.id === id))
    }
    const seenJobs = async (): Promise<ReadonlySet<string> | undefined> =>
      (await parts.rights.isAdmin(user.name)) ? undefined : parts.listed.ids(user.name)
    const left = new AbortController()
    response.once('close', () => left.abort())
    return querySeries(series, url, { unknownJob, seenJobs, signal: left.signal })
  }

  async #tail({ request, response, url, user, parts: [id = ''] }: UserCall): Promise<undefined> {
    const session = {
      role: user.name,
      isShared: this.#options.everybody !== undefined,
      ended: this.#logins.endOf(request),
      confirm: async () => (await this.#logins.confirmedUserOf(request, false)) !== undefined,
    }
    await this.#tails.run(session, async (signal) => {
      const job = await this.#jobOf(user, id)
      const scan = url.searchParams.get('scan') ?? 'no'
      if (!['yes', 'no'].includes(scan)) throw new FeedError('FEED_OPTION', 'scan has to be yes or no')
      await liveTail({ response, user, port: this.#options.port, job, hasScan: scan === 'yes', signal })
    })
  }

  async #jobOf(user: ApiUser, id: string): Promise<ListedJob> {
    if (!isJobId(id)) throw noJob(id)
    const { jobs } = await this.#options.parts.listed.page(user.name, { ids: [id], limit: 1 })
    const [job] = jobs
    if (job === undefined) throw noJob(id)
    return job
  }
}

function isJobId(text: string): boolean {
  return /^\d{1,19}$/.test(text) && BigInt(text) < 2n ** 63n
}

function inTime(run: Handler, withinMs: number, hint: string): Handler {
  if (withinMs === endless) return run
  return async (call) => {
    const answer = await orLate(Promise.resolve(run(call)), withinMs)
    if (answer !== late) return answer
    throw new FeedError('FEED_SOURCE_DOWN', `PostgreSQL has not answered within ${withinMs / 1000} s`, { hint })
  }
}

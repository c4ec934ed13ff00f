// The session of one client, with its socket and its connection to PostgreSQL. This file connects the parts of the session,
// cancels, and closes; `ClientMessages` decides what happens to each message, and when.

import { randomInt } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Logger } from 'pino'
import { FeedError } from '../errors/feed-error.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { backendKeyData, errorResponse, parameterStatus } from '../wire/backend-writer.ts'
import type { BackendLink, LinkHandlers } from './backend-link.ts'
import { ClientMessages } from './client-messages.ts'
import { ClientWriter } from './client-writer.ts'
import type { Leg } from './leg.ts'
import { Login } from './login.ts'
import { notReachable } from './login-errors.ts'
import type { LoginSlot } from './login-slots.ts'
import { ExtendedProtocol } from './extended-protocol.ts'
import { MessageJudge } from './judge-message.ts'
import type { LocalRun } from './local-run.ts'
import type { MalformedPiece, SessionControl, StartedCall, StatementHandler } from './local-statement.ts'
import type { RunningStatements } from './running-statements.ts'
import { SessionBackend } from './session-backend.ts'
import { sessionControl } from './session-control.ts'
import { SessionRuns } from './session-runs.ts'
import { canceled, type QuerySession } from './query-session.ts'

export interface SessionOptions {
  readonly socket: Socket
  readonly version: number
  readonly parameters: ReadonlyMap<string, string>
  readonly backend: SourceConnection
  readonly handler: StatementHandler
  /** The connection of the client, as far as its login goes. */
  readonly client: Leg
  /** As in `LoginOptions`. */
  readonly acceptsUnasked: boolean
  /** Its place among those who log in; undefined: they are not limited. */
  readonly slot: LoginSlot | undefined
  readonly log: Logger | undefined
  /** Called when the client gets a key; a CancelRequest with this key is for this session. */
  readonly keyGiven: (pid: number, secret: number) => void
  /** Lists the statements of ours while they run. */
  readonly running: RunningStatements
  readonly closed: () => void
}

export class Session implements QuerySession {
  readonly #options: SessionOptions
  readonly #writer: ClientWriter
  readonly #login: Login
  readonly #backend: SessionBackend
  readonly #extended: ExtendedProtocol
  readonly #messages: ClientMessages
  readonly #runs: SessionRuns
  readonly #control: SessionControl
  readonly #secret = randomInt(0x7fffffff)

  constructor(options: SessionOptions) {
    const { socket, version, parameters, backend, handler, running, client, acceptsUnasked } = options
    this.#options = options
    this.#writer = new ClientWriter(socket)
    this.#login = new Login({ client, acceptsUnasked })
    const link = (): BackendLink => this.link
    this.#runs = new SessionRuns({ writer: this.#writer, link, running })
    this.#backend = new SessionBackend({
      server: backend,
      version,
      parameters,
      handlers: this.#linkHandlers(),
      isClosed: () => this.#isClosed,
      moved: (from, to) => this.#moved(from, to),
    })
    const extended = new ExtendedProtocol(this, handler)
    this.#extended = extended
    this.#control = sessionControl({
      socket,
      startup: parameters,
      backend: this.#backend,
      extended,
      queryBackend: this.#runs.queryBackend,
    })
    this.#messages = new ClientMessages({
      socket,
      extended,
      link,
      judge: new MessageJudge({ session: this, handler, extended }),
      answers: (message) => {
        this.#login.answers(message)
        options.slot?.owes(false)
      },
      probe: () => this.#probe(),
      failed: (error, isAnswering) => this.#failed(error, isAnswering),
      left: () => this.close(),
    })
    socket.on('data', (chunk: Buffer) => this.take(chunk))
    socket.on('drain', () => this.link.resume())
    for (const event of ['error', 'end', 'close']) socket.on(event, () => this.close())
  }

  get link(): BackendLink {
    return this.#backend.link
  }

  take(chunk: Buffer): void {
    this.#messages.take(chunk)
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#writer.write(bytes)
  }

  start(call: StartedCall): LocalRun {
    return this.#runs.start(call, this.#control)
  }

  refuseMalformed({ refused, error }: MalformedPiece): never {
    refused?.(this.#control)
    throw error
  }

  /** Called for a CancelRequest: cancels what runs now. */
  cancel(): void {
    const { active } = this.#runs
    active?.abort(canceled())
    // The backend runs only the wait, which ends together with the statement of ours.
    if (this.#runs.isBackendHeld) return
    if (active === undefined || this.link.isExchanging) void this.link.cancel()
  }

  /** Ends the session, because the client has not logged in. */
  refuse(error: FeedError): void {
    this.#fail(error)
  }

  /** Called when the server stops. */
  shutDown(): void {
    this.#fail(
      new FeedError('FEED_SOURCE_DOWN', 'terminating connection due to administrator command', { sqlstate: '57P01' }),
    )
  }

  close(): void {
    const { phase } = this.#messages
    if (phase.tag === 'closed') return
    this.#options.slot?.leave()
    this.#messages.close()
    this.#writer.close()
    // The wait would end only when PostgreSQL notices the closed connection.
    if (this.#runs.isBackendHeld) void this.link.cancel()
    this.#runs.abortAll(canceled())
    if (phase.tag === 'leaving') this.link.leave()
    else this.link.close()
    this.#options.closed()
  }

  get #isClosed(): boolean {
    return this.#messages.phase.tag === 'closed'
  }

  #linkHandlers(): LinkHandlers {
    return {
      pass: (bytes) => this.#writer.put(bytes),
      asks: (message, server) => {
        const shown = this.#login.asks(message, server)
        this.#options.slot?.owes(this.#login.phase.tag !== 'done')
        return shown
      },
      letIn: () => {
        this.#options.slot?.leave()
        this.#messages.letIn()
      },
      // The pid is that of the backend, because clients recognise their own notifications by it. The secret is ours.
      key: (pid) => {
        this.#options.keyGiven(pid, this.#secret)
        if (this.#options.slot !== undefined) this.#options.log?.debug({ ...this.#who, pid }, 'a client has logged in')
        return backendKeyData(pid, this.#secret)
      },
      ready: (status) => {
        if (status === 'I') this.#extended.transactionEnded()
      },
      copyIn: () => this.#messages.copyIn(),
      drained: () => this.#messages.gate(),
      explain: (refusal) => this.#options.handler.explain?.(refusal),
      lost: (error, isTold) => {
        this.#logRefusal(error)
        if (!isTold && this.#messages.phase.tag !== 'leaving') this.#fail(this.#explainLoss(error))
        else this.close()
      },
    }
  }

  #explainLoss(error: FeedError): FeedError {
    const { acceptsUnasked, handler } = this.#options
    const isBefore = this.#login.phase.tag === 'waiting' && !acceptsUnasked
    if (isBefore && error.code === 'FEED_SOURCE_DOWN') return notReachable()
    return handler.explainLoss?.(error) ?? error
  }

  /** Who connects. PostgreSQL's own log has the address of this server in its place. */
  get #who(): { readonly client: string; readonly user: string } {
    return { client: this.#control.clientAddress, user: this.#control.user }
  }

  #logRefusal(error: FeedError): void {
    const { slot, log } = this.#options
    if (slot === undefined || this.#login.phase.tag === 'done' || this.#isClosed) return
    log?.info({ ...this.#who, error: error.message, detail: error.detail }, 'a client has not logged in')
  }

  #moved(from: BackendLink, to: BackendLink): void {
    this.#extended.transactionEnded()
    from.close()
    for (const [parameter, value] of to.parameters) {
      if (from.parameters.get(parameter) !== value) this.#writer.put(parameterStatus(parameter, value))
    }
  }

  /** Writes a message that has no effect, so that a closed connection is noticed. */
  #probe(): void {
    if (this.link.isMidMessage || this.#writer.isFull) return
    this.#writer.put(parameterStatus('client_encoding', this.link.clientEncoding))
  }

  #failed(error: unknown, isAnswering: boolean): void {
    if (isAnswering && !this.#isClosed)
      this.#options.log?.error({ error: String(error) }, 'a session ended in the middle of a statement')
    this.#fail(error)
  }

  #fail(error: unknown): void {
    if (this.#isClosed) return
    // In the middle of a message nothing else can be written.
    if (!this.link.isMidMessage) this.#writer.put(errorResponse(error, 'FATAL'))
    if (error instanceof FeedError) this.#runs.abortAll(error)
    this.close()
  }
}

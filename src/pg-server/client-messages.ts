// Reads the messages of the client in order. Messages for PostgreSQL are passed on unchanged, many in one write. While a
// statement of ours has not answered, the messages after it are held back; the socket is still read, so that the end
// of the connection is noticed. Until the client is let in, its messages are not even looked at, except its answers to PostgreSQL.

import type { Socket } from 'node:net'
import { FeedError } from '../errors/feed-error.ts'
import { ByteRun } from '../wire/byte-run.ts'
import { BodyReader } from '../wire/frontend-messages.ts'
import { MessageCutter } from '../wire/message-cutter.ts'
import { fromClient } from '../wire/tags.ts'
import type { BackendLink } from './backend-link.ts'
import { ClientGate } from './client-gate.ts'
import type { ExtendedProtocol } from './extended-protocol.ts'
import type { MessageJudge } from './judge-message.ts'
import { PasswordMessages } from './password-messages.ts'
import { followSession, type SessionPhase } from './session-phase.ts'

/** If more bytes than this are held back while a statement of ours runs, the client is not read until the statement ends. */
const maxHeldBytes = 1024 * 1024

export interface ClientMessagesOptions {
  readonly socket: Socket
  readonly judge: MessageJudge
  /** Checks an answer of the client to PostgreSQL's question who it is; throws if the login must end. */
  readonly answers: (message: Buffer) => void
  readonly extended: ExtendedProtocol
  readonly link: () => BackendLink
  /** Writes a message to the client that has no effect. */
  readonly probe: () => void
  /** Called if a message of the client cannot be read, or a statement of ours ended without an answer. */
  readonly failed: (error: unknown, isAnswering: boolean) => void
  /** Called if the client sends Terminate while a statement of ours has not answered, or before it is let in. */
  readonly left: () => void
}

export class ClientMessages {
  readonly #options: ClientMessagesOptions
  readonly #cutter: MessageCutter
  readonly #run: ByteRun
  readonly #gate: ClientGate
  readonly #passwords: PasswordMessages
  #phase: SessionPhase = { tag: 'authenticating' }

  constructor(options: ClientMessagesOptions) {
    const { socket, judge, link, probe, answers } = options
    this.#options = options
    this.#gate = new ClientGate(socket, probe)
    this.#run = new ByteRun((bytes) => link().send(bytes))
    this.#passwords = new PasswordMessages((message) => {
      answers(message)
      link().send(message)
    })
    this.#cutter = new MessageCutter({
      message: (messageTag, bytes, start, end) => this.#message(messageTag, bytes, start, end),
      mayStream: (messageTag, bytes, start) => judge.mayStream(messageTag, bytes, start),
      part: (bytes, start, end) => this.#run.add(bytes, start, end),
    })
  }

  get phase(): SessionPhase {
    return this.#phase
  }

  take(chunk: Buffer): void {
    const phase = this.#phase
    if (phase.tag === 'authenticating') {
      this.#answer(chunk)
      return
    }
    if ((phase.tag === 'answering' || phase.tag === 'copying') && this.#cutter.heldBytes === 0)
      phase.answering.isNextLater = true
    this.#cut(() => this.#cutter.push(chunk))
    this.#checkHeld()
  }

  /** Called when PostgreSQL has let the client in. */
  letIn(): void {
    if (this.#phase.tag !== 'authenticating') return
    this.#enter({ tag: 'passing' })
    const ahead = this.#passwords.take()
    if (ahead.length > 0) this.take(ahead)
  }

  /** Called when PostgreSQL waits for COPY data. */
  copyIn(): void {
    const phase = this.#phase
    // If the COPY was sent before the statement of ours, its data was passed on already.
    if (phase.tag !== 'answering' || !this.#options.link().isExchanging) return
    this.#enter({ tag: 'copying', answering: phase.answering })
    this.#cut(() => this.#cutter.resume())
  }

  /** Starts or stops reading from the client. */
  gate(): void {
    if (this.#phase.tag === 'closed') return
    this.#gate.set({
      isHeldBack: this.#phase.tag === 'answering' && this.#cutter.heldBytes > maxHeldBytes,
      isServerFull: this.#options.link().isFull,
    })
  }

  close(): void {
    this.#enter({ tag: 'closed' })
    this.#gate.close()
  }

  #enter(phase: SessionPhase): void {
    this.#phase = followSession(this.#phase, phase)
  }

  #cut(cut: () => void): void {
    if (this.#phase.tag === 'closed') return
    try {
      cut()
      this.#run.flush()
      this.gate()
    } catch (error) {
      this.#options.failed(error, false)
    }
  }

  #answer(chunk: Buffer): void {
    try {
      this.#passwords.push(chunk)
    } catch (error) {
      this.#options.failed(error, false)
      return
    }
    if (this.#passwords.waiting === fromClient.terminate) this.#options.left()
  }

  /** Processes one message. Returns whether the messages after it are held back. */
  #message(messageTag: number, bytes: Buffer, start: number, end: number): boolean {
    const phase = this.#phase
    switch (phase.tag) {
      case 'passing':
        return this.#judge(messageTag, bytes, start, end)
      case 'copying':
        this.#run.add(bytes, start, end)
        if (messageTag !== fromClient.copyDone && messageTag !== fromClient.copyFail) return false
        this.#enter({ tag: 'answering', answering: phase.answering })
        return true
      case 'leaving':
        this.#run.add(bytes, start, end)
        return false
      case 'authenticating':
      case 'answering':
      case 'closed':
        throw new FeedError('FEED_BUG', `a message was read from a client whose session is ${phase.tag}`)
    }
  }

  #judge(messageTag: number, bytes: Buffer, start: number, end: number): boolean {
    const verdict = this.#options.judge.judge(messageTag, bytes, start, end)
    if (verdict === undefined) {
      this.#run.add(bytes, start, end)
      if (messageTag === fromClient.terminate) this.#enter({ tag: 'leaving' })
    } else if (typeof verdict === 'function') {
      this.#run.flush()
      void this.#runOurs(verdict)
      return true
    } else if (verdict.length > 0) this.#run.add(verdict, 0, verdict.length)
    return false
  }

  async #runOurs(work: () => Promise<void>): Promise<void> {
    this.#enter({ tag: 'answering', answering: { isNextLater: false } })
    try {
      await work()
    } catch (error) {
      this.#options.failed(error, true)
    }
    if (this.#phase.tag === 'closed') return
    this.#enter({ tag: 'passing' })
    this.#cut(() => this.#cutter.resume())
    this.#checkHeld()
  }

  /** Checks the first message held back: a Close or a Terminate ends a statement that otherwise might never end. */
  #checkHeld(): void {
    const phase = this.#phase
    if (phase.tag !== 'answering' && phase.tag !== 'copying') return
    let { next } = this.#cutter
    let isWaiting = phase.answering.isNextLater
    for (; next[0] === fromClient.flush && next.length >= 5; next = next.subarray(5)) isWaiting = true
    if (next[0] === fromClient.terminate) this.#options.left()
    else if (isWaiting && next[0] === fromClient.close && next.length >= 5 && next.length > next.readInt32BE(1)) {
      this.#options.extended.closeComes(new BodyReader(next, 5, 1 + next.readInt32BE(1)))
    }
  }
}

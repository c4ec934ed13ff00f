// Reads what the client sends, in the order in which it came: what is not ours goes to PostgreSQL in runs, as it came; a
// statement of ours holds back what comes after it until it has answered. The socket is still read meanwhile, so that a
// client who leaves is noticed.

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
import { followSession, type SessionPhase } from './session-phase.ts'

/** A client that sends more than this while a statement of ours runs is not read for now. */
const maxHeldBytes = 1024 * 1024

export interface ClientMessagesOptions {
  readonly socket: Socket
  readonly judge: MessageJudge
  readonly extended: ExtendedProtocol
  readonly link: () => BackendLink
  /** Writes something to the client that changes nothing for it. */
  readonly probe: () => void
  /** What the client sends cannot be read, or a statement of ours ended otherwise than by an answer. */
  readonly failed: (error: unknown, isAnswering: boolean) => void
  /** The client leaves a statement that has not answered. */
  readonly left: () => void
}

export class ClientMessages {
  readonly #options: ClientMessagesOptions
  readonly #cutter: MessageCutter
  readonly #run: ByteRun
  readonly #gate: ClientGate
  #phase: SessionPhase = { tag: 'passing' }

  constructor(options: ClientMessagesOptions) {
    const { socket, judge, link, probe } = options
    this.#options = options
    this.#gate = new ClientGate(socket, probe)
    this.#run = new ByteRun((bytes) => link().send(bytes))
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
    if ((phase.tag === 'answering' || phase.tag === 'copying') && this.#cutter.heldBytes === 0)
      phase.answering.isNextLater = true
    this.#cut(() => this.#cutter.push(chunk))
    this.#lookBehind()
  }

  /** PostgreSQL waits for COPY data. */
  copyIn(): void {
    const phase = this.#phase
    // The data of a COPY that was sent before our turn is on its way already.
    if (phase.tag !== 'answering' || !this.#options.link().isExchanging) return
    this.#enter({ tag: 'copying', answering: phase.answering })
    this.#cut(() => this.#cutter.resume())
  }

  /** Reads on from the client, or not for now. */
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

  /** Returns whether what comes after the message is held back. */
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
      void this.#answer(verdict)
      return true
    } else if (verdict.length > 0) this.#run.add(verdict, 0, verdict.length)
    return false
  }

  async #answer(work: () => Promise<void>): Promise<void> {
    this.#enter({ tag: 'answering', answering: { isNextLater: false } })
    try {
      await work()
    } catch (error) {
      this.#options.failed(error, true)
    }
    if (this.#phase.tag === 'closed') return
    this.#enter({ tag: 'passing' })
    this.#cut(() => this.#cutter.resume())
    this.#lookBehind()
  }

  /** While a statement that may never end has its turn, the client may still say that it leaves the statement, or us. */
  #lookBehind(): void {
    const phase = this.#phase
    if (phase.tag !== 'answering' && phase.tag !== 'copying') return
    let { next } = this.#cutter
    let isWaiting = phase.answering.isNextLater
    for (; next[0] === fromClient.flush && next.length >= 5; next = next.subarray(5)) isWaiting = true
    if (next[0] === fromClient.terminate) this.#options.left()
    else if (isWaiting && next[0] === fromClient.close && next.length >= 5 && next.length > next.readInt32BE(1)) {
      this.#options.extended.closeBehind(new BodyReader(next, 5, 1 + next.readInt32BE(1)))
    }
  }
}

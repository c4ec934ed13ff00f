// Limits how many clients log in at a time. Each of them takes a connection of PostgreSQL before anybody knows who it is, so
// without a limit a stranger could use them all up. Clients beyond the limit wait for their turn, without a connection.
//
// A client that is silent while PostgreSQL waits for its answer gives way to the next one after a moment. The next one is of the address
// of which the fewest log in, so that many connections of one address keep nobody else out. If too many wait, the oldest one of
// the address with most of them is refused; and while the queue is more than half full the newest are first, because whoever waits behind
// hundreds of silent ones would wait for longer than a login may take.

import { FeedError } from '../errors/feed-error.ts'
import { loginTooSlow, tooManyLogins } from './login-errors.ts'

export interface LoginLimits {
  /** So many log in at a time. */
  readonly most: number
  /** So many more may wait for their turn. */
  readonly mostWaiting: number
  /** A login, with its wait, ends after this time. */
  readonly withinMs: number
  /** A client that has been silent for so long gives way to others. */
  readonly silentMs: number
}

export const defaultLimits: LoginLimits = { most: 20, mostWaiting: 500, withinMs: 30_000, silentMs: 2000 }

export interface LoginHandlers {
  /** Where the client is: an IP address, or nothing for a unix socket. */
  readonly address: string
  /** Called when it is the client's turn. */
  begin(slot: LoginSlot): void
  /** Called if the login must end. */
  failed(error: FeedError): void
}

/** One client, from its start-up packet until it is let in or gone. */
export interface LoginSlot {
  /** Called when the client owes an answer (true), and when it has given it (false). */
  owes(isOwing: boolean): void
  /** Called when the client is let in or gone. */
  leave(): void
}

interface Entry {
  readonly handlers: LoginHandlers
  readonly slot: LoginSlot
  readonly timer: NodeJS.Timeout
  /** Since when the client owes an answer; undefined: it owes none. */
  silentSince: number | undefined
}

export class LoginSlots {
  readonly #limits: LoginLimits
  readonly #running = new Set<Entry>()
  readonly #waiting = new Set<Entry>()
  #looksAgain: NodeJS.Timeout | undefined

  constructor(limits: LoginLimits) {
    this.#limits = limits
  }

  /** `handlers.begin` may be called before it returns. */
  enter(handlers: LoginHandlers): LoginSlot {
    const { mostWaiting, withinMs } = this.#limits
    if (this.#waiting.size >= mostWaiting) this.#makeRoom()
    const late = (): void => this.#end(entry, this.#running.has(entry) ? loginTooSlow() : tooManyLogins())
    const timer = setTimeout(late, withinMs).unref()
    const slot: LoginSlot = {
      owes: (isOwing) => {
        entry.silentSince = isOwing ? Date.now() : undefined
        if (isOwing) this.#next()
      },
      leave: () => this.#leave(entry),
    }
    const entry: Entry = { handlers, slot, timer, silentSince: undefined }
    this.#waiting.add(entry)
    this.#next()
    return slot
  }

  #next(): void {
    while (this.#running.size < this.#limits.most) {
      const entry = this.#first()
      if (entry === undefined) return
      this.#waiting.delete(entry)
      this.#running.add(entry)
      entry.handlers.begin(entry.slot)
    }
    if (this.#waiting.size > 0) this.#giveWay()
  }

  #first(): Entry | undefined {
    const running = countByAddress(this.#running)
    const isCrowded = this.#waiting.size > this.#limits.mostWaiting / 2
    let first: Entry | undefined
    let fewest = Infinity
    for (const entry of this.#waiting) {
      const count = running.get(entry.handlers.address) ?? 0
      if (count > fewest || (count === fewest && !isCrowded)) continue
      first = entry
      fewest = count
    }
    return first
  }

  #makeRoom(): void {
    const waiting = countByAddress(this.#waiting)
    let oldest: Entry | undefined
    let most = 0
    for (const entry of this.#waiting) {
      const count = waiting.get(entry.handlers.address) ?? 0
      if (count <= most) continue
      oldest = entry
      most = count
    }
    if (oldest === undefined) throw tooManyLogins()
    this.#end(oldest, tooManyLogins())
  }

  /** Ends the login that has been silent for longest, if that is long enough; otherwise looks again when it may be. */
  #giveWay(): void {
    const { silentMs } = this.#limits
    let silent: Entry | undefined
    for (const entry of this.#running) {
      if (entry.silentSince !== undefined && entry.silentSince < (silent?.silentSince ?? Infinity)) silent = entry
    }
    if (silent?.silentSince === undefined) return
    const leftMs = silent.silentSince + silentMs - Date.now()
    if (leftMs <= 0) this.#end(silent, loginTooSlow())
    else if (this.#looksAgain === undefined) {
      const look = (): void => {
        this.#looksAgain = undefined
        this.#next()
      }
      this.#looksAgain = setTimeout(look, leftMs).unref()
    }
  }

  #end(entry: Entry, error: FeedError): void {
    this.#leave(entry)
    entry.handlers.failed(error)
  }

  #leave(entry: Entry): void {
    clearTimeout(entry.timer)
    this.#waiting.delete(entry)
    if (this.#running.delete(entry)) this.#next()
  }
}

function countByAddress(entries: Iterable<Entry>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { handlers } of entries) counts.set(handlers.address, (counts.get(handlers.address) ?? 0) + 1)
  return counts
}

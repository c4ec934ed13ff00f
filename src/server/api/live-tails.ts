// The live tails that run now: how many there may be, of all roles and of one, and when they end although their reader is there.

import { FeedError } from '../../errors/feed-error.ts'

/** Each is a changefeed of its own, and holds up to 2 MB for a reader that does not read. */
const mostTails = 20
/** One role does not take the places of all others. */
const mostOfRole = 5
/** So often the session of a tail is looked at again. */
const confirmEveryMs = 60_000

export interface TailSession {
  readonly role: string
  /** Where there are no passwords, all are the same role. */
  readonly isShared: boolean
  /** Aborts when the session ends; undefined: it has none. */
  readonly ended: AbortSignal | undefined
  /** Settles with false when the session may not read any more. */
  confirm(): Promise<boolean>
}

export class LiveTails {
  readonly #ofRole = new Map<string, number>()
  readonly #confirmEveryMs: number
  #all = 0

  constructor(everyMs = confirmEveryMs) {
    this.#confirmEveryMs = everyMs
  }

  /** Runs `tail`, whose signal aborts with the reason why it has to end. */
  async run(session: TailSession, tail: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { role, isShared } = session
    const own = this.#ofRole.get(role) ?? 0
    if (this.#all >= mostTails) throw full(`${mostTails} live tails run already`)
    if (own >= mostOfRole && !isShared) throw full(`role ${role} has ${mostOfRole} live tails already`)
    // It counts from here on: those that come while this one looks for its job are no way around the limit.
    this.#all += 1
    this.#ofRole.set(role, own + 1)
    const over = new AbortController()
    const end = (): void =>
      over.abort(
        new FeedError('FEED_STATE', 'the session of this live tail has ended', {
          sqlstate: '57P01',
          hint: 'log in again',
        }),
      )
    const timer = setInterval(() => {
      session.confirm().then(
        (isIn) => isIn || end(),
        // Where nobody can be asked, nobody is logged out.
        () => undefined,
      )
    }, this.#confirmEveryMs)
    session.ended?.addEventListener('abort', end)
    try {
      if (session.ended?.aborted === true) end()
      await tail(over.signal)
    } finally {
      clearInterval(timer)
      session.ended?.removeEventListener('abort', end)
      this.#all -= 1
      const left = (this.#ofRole.get(role) ?? 1) - 1
      if (left === 0) this.#ofRole.delete(role)
      else this.#ofRole.set(role, left)
    }
  }
}

function full(why: string): FeedError {
  return new FeedError('FEED_STATE', why, { sqlstate: '53400', hint: 'close one of them' })
}

// Bulk pulls, one after the other, of the size that pays: how many bytes a message takes is known only after a pull, so the first one is
// small. A pull that the server has no room for, or that meets a change that it cannot decode, brings nothing, and a
// smaller one is tried.

import { FeedError } from '../errors/feed-error.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import type { AttemptParts } from './attempt-parts.ts'
import { bulkPull, slotIsKeptSql, slotMoved, type Pulled } from './bulk-pull.ts'
import { roomIn } from './readings/gate.ts'

/** The size of a pull. The server collects all of it before it sends the first byte, in a file if it exceeds work_mem. */
const pullBytes = 256 * 1024 * 1024
const pullMessages = { first: 20_000, least: 2000, most: 1_000_000 }
const growth = 8
const noLimit = 1n << 64n
/** SQLSTATEs for: temp_file_limit exceeded, disk full, out of memory. */
const noRoom: ReadonlySet<string> = new Set(['53400', '53100', '53200'])

/** Whether the server had no room to collect a pull. */
export function isNoRoom(error: unknown): error is FeedError {
  return error instanceof FeedError && noRoom.has(error.sqlstate)
}

/** The size of the pull after one of `most` messages that has not brought everything. */
export function nextPullMessages({ messages, bytes }: Pulled, most: number): number {
  const fitting = Math.round((pullBytes * messages) / Math.max(1, bytes))
  return Math.min(Math.max(fitting, pullMessages.least), pullMessages.most, most * growth)
}

export interface PullsOptions extends Pick<
  AttemptParts,
  'writer' | 'applier' | 'apply' | 'gate' | 'history' | 'commit' | 'slot'
> {
  readonly connection: RawConnection
  /** Opens a new connection for the slot in the place of this one. */
  readonly replace: (connection: RawConnection) => Promise<RawConnection>
}

export interface PulledPart {
  readonly tag: 'pulled'
  readonly messages: number
  /** It has brought everything that was flushed when it began. */
  readonly isAll: boolean
}

export class Pulls {
  readonly #options: PullsOptions
  #connection: RawConnection
  #most: number = pullMessages.first
  /** While there is a change that cannot be decoded: so many messages come before it, and the slot has not passed them. */
  #decodable: number | undefined

  constructor(options: PullsOptions) {
    this.#options = options
    this.#connection = options.connection
  }

  /** The connection that is to be used from now on. */
  get connection(): RawConnection {
    return this.#connection
  }

  /** The size of the next pull. */
  get mostMessages(): number {
    return this.#most
  }

  /** Whether the next pull ends with the first transaction of which it is not known that it can be decoded. */
  get isLeast(): boolean {
    return this.#most === (this.#decodable ?? 0) + 1
  }

  /** To be called when a pull has met a change that cannot be decoded. PostgreSQL 14 needs a new connection after an error. */
  async bringLess(): Promise<void> {
    const decodable = this.#decodable ?? 0
    this.#decodable = decodable
    this.#most = decodable + Math.max(1, Math.floor((this.#most - decodable) / growth))
    this.#connection = await this.#options.replace(this.#connection)
  }

  /** `no room`: the server cannot collect even the smallest pull. Until the source has proved to be the log's, pulls grow. */
  async next(): Promise<PulledPart | { readonly tag: 'no room'; readonly error: FeedError }> {
    const { gate, history, applier } = this.#options
    for (;;) {
      let pulled
      try {
        pulled = await this.#pull()
        await gate?.settled()
      } catch (error) {
        if (!isNoRoom(error) || applier.inTransaction) throw error
        // PostgreSQL 14 takes what it described in a pull that failed for known to the next one on the same connection.
        this.#connection = await this.#options.replace(this.#connection)
        if (this.#most <= pullMessages.least || !history.isChecked) return { tag: 'no room', error }
        this.#most = Math.max(Math.floor(this.#most / growth), pullMessages.least)
        continue
      }
      const isAll = pulled.messages < this.#most
      // All known transactions at the beginning of the pull must be compared before the slot forgets them.
      if (isAll) history.passed(noLimit)
      if (history.isChecked) {
        this.#decodable = undefined
        if (!isAll) this.#most = nextPullMessages(pulled, this.#most)
        return { tag: 'pulled', messages: pulled.messages, isAll }
      }
      if (this.#decodable === undefined) this.#most *= growth
      else {
        // The slot cannot be moved yet, so all of it comes once more.
        this.#most += pulled.messages - this.#decodable
        this.#decodable = pulled.messages
      }
    }
  }

  async #pull(): Promise<Pulled> {
    const { gate, apply, slot, commit, writer } = this.#options
    const logEnd = writer.endLsn
    gate?.open({ message: apply, keepalive: () => undefined })
    const pulled = await bulkPull({
      connection: this.#connection,
      slot,
      logEnd,
      maxMessages: this.#most,
      message: apply,
      gate,
      chunkDone: () => roomIn(gate, commit.written()),
    })
    if (pulled.messages > 0) return pulled
    const [kept] = await this.#connection.query(slotIsKeptSql(slot, logEnd))
    if (kept?.[0] !== 't') throw slotMoved(slot)
    return pulled
  }
}

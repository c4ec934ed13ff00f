// A consumer of one changefeed as a user would write it: it keeps every message, and when the feed ends, the connection
// breaks or it is told to leave, it opens the feed again after the last resolved timestamp it saw; when a schema change has
// stopped the feed, at the time that the error says.

import type pg from 'pg'
import { setTimeout as delay } from 'node:timers/promises'
import { compareHlc, formatHlc, laterHlc, zeroHlc, type Hlc } from '../../src/core/hlc.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { parseHlc } from '../support/parse-hlc.ts'
import { hlcOf } from '../feed/test-feed.ts'
import type { TestServer } from '../server/test-server.ts'
import type { RowNote, Validator } from '../validators/validator.ts'
import type { Collected } from './judge.ts'

export interface ReaderOptions {
  readonly server: TestServer
  readonly database: string
  readonly user: string
  /** `EXPERIMENTAL CHANGEFEED FOR … WITH updated, resolved…`, without a cursor. */
  readonly statement: string
}

interface ResolvedNote {
  readonly resolved: Hlc
  readonly cameAt: bigint
}

export class Reader implements Collected {
  readonly partitions = ['']
  readonly #options: ReaderOptions
  /** Rows and resolved timestamps in the order of arrival. */
  readonly notes: (RowNote | ResolvedNote)[] = []
  resolved: Hlc = zeroHlc
  /** How often the feed was opened. */
  opened = 0
  /** How often it was ended for a missing right. */
  refused = 0
  /** How often it ended because PostgreSQL or a connection was gone. */
  downs = 0
  /** Where schema changes have stopped it, and all cursors that it has started from. */
  readonly stops: Hlc[] = []
  readonly cursors: Hlc[] = []
  #next: Hlc = zeroHlc
  #feed: SinklessFeed | undefined
  /** What ended it for good. */
  error: pg.DatabaseError | undefined
  #isLeaving = false
  #isDone = false

  constructor(options: ReaderOptions) {
    this.#options = options
  }

  /** Settles after `stop`; rejects when a feed fails. */
  async read(): Promise<void> {
    const { server, database, user, statement } = this.#options
    while (!this.#isDone) {
      this.#isLeaving = false
      const from = laterHlc(this.#next, this.resolved)
      if (from !== zeroHlc) this.cursors.push(from)
      const cursor = from === zeroHlc ? '' : `, cursor = '${formatHlc(from)}'`
      const feed = await SinklessFeed.open(server, statement + cursor, { database, user })
      this.#feed = feed
      this.opened += 1
      let next = 0
      const take = (): void => {
        for (; next < feed.messages.length; next++) this.#take(feed.messages[next] as (typeof feed.messages)[number])
      }
      while (!this.#isDone && !this.#isLeaving && !feed.isOver) {
        take()
        await delay(2)
      }
      take()
      await feed[Symbol.asyncDispose]()
      if (feed.error !== undefined && !this.#isDone && !this.#isLeaving) this.#ended(feed.error)
    }
  }

  #ended(error: pg.DatabaseError): void {
    const stop = stopOf(error)
    if (stop !== undefined) {
      this.stops.push(stop)
      this.#next = stop
    } else if (error.code === '42501') this.refused += 1
    else if (this.resolved !== zeroHlc && passes(error)) this.downs += 1
    else {
      this.error = error
      throw error
    }
  }

  /** Reads nothing for a while, so that the feed cannot go on. */
  async rest(ms: number): Promise<void> {
    const feed = this.#feed
    feed?.hold(true)
    await delay(ms)
    feed?.hold(false)
  }

  /** Leaves the feed and opens it again. */
  leave(): void {
    this.#isLeaving = true
  }

  stop(): void {
    this.#isDone = true
  }

  rows(): RowNote[] {
    return this.notes.filter((note) => 'key' in note)
  }

  /** Shows a validator all that came. */
  replay(validator: Validator): void {
    for (const note of this.notes) {
      if ('key' in note) validator.noteRow(note)
      else validator.noteResolved('', note.resolved, note.cameAt)
    }
  }

  #take({ topic, key, value }: SinklessFeed['messages'][number]): void {
    if (topic === undefined) {
      const ts = hlcOf(value, 'resolved')
      this.notes.push({ resolved: ts, cameAt: BigInt(Date.now()) * 1_000_000n })
      if (compareHlc(ts, this.resolved) > 0) this.resolved = ts
    } else this.notes.push({ partition: '', topic, key, value, updated: hlcOf(value, 'updated') })
  }
}

/** Where the schema change was that stopped the feed, as its error says; the hint says the cursor of the next feed. */
export function stopOf({
  message,
  hint,
}: {
  readonly message: string
  readonly hint?: string | undefined
}): Hlc | undefined {
  const at = /^schema change occurred at (\d+\.\d{10})(?!, before)/.exec(message)?.[1]
  if (at === undefined) return undefined
  if (hint !== undefined && !hint.includes(at)) throw new Error(`the feed stopped at ${at}, and its hint is: ${hint}`)
  return parseHlc(at)
}

/** The user is told to come back: PostgreSQL or a connection is gone. */
function passes({ code, message }: pg.DatabaseError): boolean {
  return code === undefined || code.startsWith('08') || code.startsWith('57P') || /Connection terminated/.test(message)
}

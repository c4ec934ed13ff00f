// A consumer of one changefeed as a user would write it: it keeps every message, and when the feed ends or it is told to
// leave it opens it again after the last resolved timestamp it saw.

import { setTimeout as delay } from 'node:timers/promises'
import { compareHlc, formatHlc, zeroHlc, type Hlc } from '../../src/core/hlc.ts'
import { hlcOf, SinklessFeed } from '../feed/test-feed.ts'
import type { TestServer } from '../server/test-server.ts'
import type { RowNote, Validator } from '../validators/validator.ts'
import type { Collected } from './judge.ts'

export interface ReaderOptions {
  readonly server: TestServer
  readonly database: string
  /** `EXPERIMENTAL CHANGEFEED FOR … WITH updated, resolved…`, without a cursor. */
  readonly statement: string
}

export class Reader implements Collected {
  readonly partitions = ['']
  readonly #options: ReaderOptions
  /** Rows and resolved timestamps in the order of arrival. */
  readonly notes: (RowNote | Hlc)[] = []
  resolved: Hlc = zeroHlc
  /** How often the feed was opened. */
  opened = 0
  #isLeaving = false
  #isDone = false

  constructor(options: ReaderOptions) {
    this.#options = options
  }

  /** Settles after `stop`; rejects when a feed fails. */
  async read(): Promise<void> {
    const { server, database, statement } = this.#options
    while (!this.#isDone) {
      this.#isLeaving = false
      const cursor = this.resolved === zeroHlc ? '' : `, cursor = '${formatHlc(this.resolved)}'`
      const feed = await SinklessFeed.open(server, statement + cursor, { database })
      this.opened += 1
      let next = 0
      while (!this.#isDone && !this.#isLeaving && !feed.isOver) {
        for (; next < feed.messages.length; next++) this.#take(feed.messages[next] as (typeof feed.messages)[number])
        await delay(2)
      }
      await feed[Symbol.asyncDispose]()
      if (feed.error !== undefined && !this.#isDone && !this.#isLeaving) throw feed.error
    }
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
      else validator.noteResolved('', note)
    }
  }

  #take({ topic, key, value }: SinklessFeed['messages'][number]): void {
    if (topic === undefined) {
      const ts = hlcOf(value, 'resolved')
      this.notes.push(ts)
      if (compareHlc(ts, this.resolved) > 0) this.resolved = ts
    } else this.notes.push({ partition: '', topic, key, value, updated: hlcOf(value, 'updated') })
  }
}

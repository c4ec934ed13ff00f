// The answers that the server still owes: one entry, in order, for each message passed on that will be answered. When no
// answer is owed, an answer of ours may be sent.
//
// Query (and function call) and Sync end with ReadyForQuery; Parse, Bind, Close, Describe and Execute each with a message
// of their own. After an error in one of those five the server ignores everything up to the next Sync, so those
// answers are not owed any more. While it reads COPY data for an Execute, it ignores Sync too, up to the end of the data.

import { fromServer } from '../wire/tags.ts'
import type { PositionMap } from './local-statement.ts'

export const reply = { query: 1, sync: 2, parse: 3, bind: 4, close: 5, describe: 6, execute: 7, copyEnd: 8 } as const

/** The kind of the entry that a message of the server completes, by the tag of the message. */
const completes = new Uint8Array(256)
completes[fromServer.parseComplete] = reply.parse
completes[fromServer.bindComplete] = reply.bind
completes[fromServer.closeComplete] = reply.close
completes[fromServer.rowDescription] = reply.describe
completes[fromServer.noData] = reply.describe
completes[fromServer.commandComplete] = reply.execute
completes[fromServer.emptyQueryResponse] = reply.execute
completes[fromServer.portalSuspended] = reply.execute

/** The completed entries are removed from the list when there are this many. */
const mostDone = 1024

export class Expectations {
  #list: number[] = []
  /** For each entry, the translation of error positions; undefined if the positions of the server are right. */
  #positionMaps: (PositionMap | undefined)[] = []
  #head = 0
  #last: number = reply.query
  #isCopying = false
  #isSkipping = false

  get isEmpty(): boolean {
    return this.#head === this.#list.length
  }

  /** Whether the server ignores everything up to the next Sync. */
  get isSkipping(): boolean {
    return this.#isSkipping
  }

  /** Whether the answer to the last message sent ends with ReadyForQuery, which has the status of the transaction. */
  get endsReady(): boolean {
    return endsReady(this.#last)
  }

  /** The translation of positions for the next answer. */
  get positions(): PositionMap | undefined {
    return this.#positionMaps[this.#head]
  }

  /** Adds the answer that the server owes for a message; called when the message is sent. */
  add(kind: number, positions?: PositionMap): void {
    if (kind === reply.copyEnd) this.#copyEnds()
    else if (kind === reply.sync ? !this.#isCopying : !this.#isSkipping) {
      this.#isSkipping = false
      this.#last = kind
      this.#push(kind, positions)
    }
  }

  /** Called for each message of the server other than an error and ReadyForQuery. */
  message(tag: number): void {
    const kind = completes[tag]
    if (kind === 0 || this.#list[this.#head] !== kind) return
    if (kind === reply.execute) this.#isCopying = false
    this.#next()
  }

  /** Called for each ReadyForQuery. */
  ready(): void {
    this.#isCopying = false
    while (!this.isEmpty && !endsReady(this.#list[this.#head])) this.#next()
    if (!this.isEmpty) this.#next()
  }

  /** Called for each error. */
  failed(): void {
    if (this.isEmpty || endsReady(this.#list[this.#head])) return
    this.#isCopying = false
    while (!this.isEmpty && this.#list[this.#head] !== reply.sync) this.#next()
    this.#isSkipping = this.isEmpty
  }

  /** Called when the server waits for COPY data. */
  copyStarts(): void {
    if (this.#list[this.#head] !== reply.execute) return
    const after = this.#head + 1
    while (this.#list[after] === reply.sync) this.#remove(after)
    if (this.#list[after] === reply.copyEnd) this.#remove(after)
    else this.#isCopying = true
  }

  /**
   * Records the end of COPY data. The client may send the end before the server asks for the data; its position then decides
   * which Syncs the server ignores.
   */
  #copyEnds(): void {
    if (this.#isCopying) this.#isCopying = false
    else if (this.#list.includes(reply.execute, this.#head)) this.#push(reply.copyEnd, undefined)
  }

  #push(kind: number, positions: PositionMap | undefined): void {
    this.#list.push(kind)
    this.#positionMaps.push(positions)
  }

  #remove(at: number): void {
    this.#list.splice(at, 1)
    this.#positionMaps.splice(at, 1)
  }

  #next(): void {
    this.#head += 1
    while (this.#list[this.#head] === reply.copyEnd) this.#head += 1
    if (this.isEmpty) {
      this.#list.length = 0
      this.#positionMaps.length = 0
      this.#head = 0
    } else if (this.#head >= mostDone) {
      this.#list = this.#list.slice(this.#head)
      this.#positionMaps = this.#positionMaps.slice(this.#head)
      this.#head = 0
    }
  }
}

function endsReady(kind: number | undefined): boolean {
  return kind === reply.query || kind === reply.sync
}

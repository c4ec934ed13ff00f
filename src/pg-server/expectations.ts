// What the server still owes a client: one entry for every message passed on that will be answered, in order. When
// nothing is owed, an answer of ours may go out in its turn.
//
// Query (and function call) and Sync end with ReadyForQuery; Parse, Bind, Close, Describe and Execute each with a message
// of their own. After an error in one of those five the server ignores everything up to the next Sync, so those
// answers are owed no more. While it takes COPY data for an Execute it ignores Sync too, up to the end of the data.

import { fromServer } from '../wire/tags.ts'
import type { Place } from './local-statement.ts'

export const reply = { query: 1, sync: 2, parse: 3, bind: 4, close: 5, describe: 6, execute: 7, copyEnd: 8 } as const

/** The entry that a message of the server completes, by the tag of the message. */
const completes = new Uint8Array(256)
completes[fromServer.parseComplete] = reply.parse
completes[fromServer.bindComplete] = reply.bind
completes[fromServer.closeComplete] = reply.close
completes[fromServer.rowDescription] = reply.describe
completes[fromServer.noData] = reply.describe
completes[fromServer.commandComplete] = reply.execute
completes[fromServer.emptyQueryResponse] = reply.execute
completes[fromServer.portalSuspended] = reply.execute

/** The answered part of the list is cut off when it is longer than this. */
const mostDone = 1024

export class Expectations {
  #list: number[] = []
  /** For each entry, how its error positions are translated; undefined: they are right as the server sends them. */
  #places: (Place | undefined)[] = []
  #head = 0
  #last: number = reply.query
  #isCopying = false
  #isSkipping = false

  get isEmpty(): boolean {
    return this.#head === this.#list.length
  }

  /** The server ignores everything up to the next Sync. */
  get isSkipping(): boolean {
    return this.#isSkipping
  }

  /** The message that was sent last ends with ReadyForQuery, which carries the transaction's status. */
  get endsReady(): boolean {
    return this.#last === reply.query || this.#last === reply.sync
  }

  /** How the position of an error that comes now is translated. */
  get place(): Place | undefined {
    return this.#places[this.#head]
  }

  /** A message goes to the server. */
  add(kind: number, place?: Place): void {
    if (kind === reply.copyEnd) this.#copyEnds()
    else if (kind === reply.sync ? !this.#isCopying : !this.#isSkipping) {
      this.#isSkipping = false
      this.#last = kind
      this.#push(kind, place)
    }
  }

  /** A message of the server other than an error and ReadyForQuery. */
  message(tag: number): void {
    const kind = completes[tag]
    if (kind === 0 || this.#list[this.#head] !== kind) return
    if (kind === reply.execute) this.#isCopying = false
    this.#next()
  }

  ready(): void {
    this.#isCopying = false
    while (!this.isEmpty && !this.#headEndsReady()) this.#next()
    if (!this.isEmpty) this.#next()
  }

  failed(): void {
    if (this.isEmpty || this.#headEndsReady()) return
    this.#isCopying = false
    while (!this.isEmpty && this.#list[this.#head] !== reply.sync) this.#next()
    this.#isSkipping = this.isEmpty
  }

  /** The server waits for COPY data. */
  copyStarts(): void {
    if (this.#list[this.#head] !== reply.execute) return
    const after = this.#head + 1
    while (this.#list[after] === reply.sync) this.#remove(after)
    if (this.#list[after] === reply.copyEnd) this.#remove(after)
    else this.#isCopying = true
  }

  /** The client may send the end of COPY data before the server asks for the data: it decides which Sync the server ignores. */
  #copyEnds(): void {
    if (this.#isCopying) this.#isCopying = false
    else if (this.#list.includes(reply.execute, this.#head)) this.#push(reply.copyEnd, undefined)
  }

  #push(kind: number, place: Place | undefined): void {
    this.#list.push(kind)
    this.#places.push(place)
  }

  #remove(at: number): void {
    this.#list.splice(at, 1)
    this.#places.splice(at, 1)
  }

  #headEndsReady(): boolean {
    const kind = this.#list[this.#head]
    return kind === reply.query || kind === reply.sync
  }

  #next(): void {
    this.#head += 1
    while (this.#list[this.#head] === reply.copyEnd) this.#head += 1
    if (this.isEmpty) {
      this.#list.length = 0
      this.#places.length = 0
      this.#head = 0
    } else if (this.#head >= mostDone) {
      this.#list = this.#list.slice(this.#head)
      this.#places = this.#places.slice(this.#head)
      this.#head = 0
    }
  }
}

// Converts pgoutput messages whose text is in the encoding of the server (../postgres/server-text.ts) to UTF-8:
//   R  u32 relation, cstring namespace, cstring name, u8 identity, u16 columns, per column u8 flags, cstring name, u32, i32
//   I, U, D  u32 relation, then one or two times a letter and a tuple
//   tuple: u16 columns, per column 'n', 'u', or 't' u32 length and text
// All other messages hold no text that the log keeps. A message of ASCII only is passed on unchanged.

import { FeedError } from '../errors/feed-error.ts'
import type { ServerText } from '../postgres/server-text.ts'

type Next = (bytes: Buffer, start: number, end: number) => void

const letter = { R: 0x52, I: 0x49, U: 0x55, D: 0x44, text: 0x74 } as const
const headBytes = 5
/** A larger buffer than this is not kept for the next message. */
const keptBytes = 1024 * 1024

export class MessageConverter {
  readonly #text: ServerText
  readonly #next: Next
  #out = Buffer.allocUnsafeSlow(64 * 1024)

  constructor(text: ServerText, next: Next) {
    this.#text = text
    this.#next = next
  }

  /** `bytes[start, end)` is one message. */
  apply(bytes: Buffer, start: number, end: number): void {
    const kind = bytes[start]
    if (kind === letter.R) return this.#relation(bytes, start, end)
    if (kind !== letter.I && kind !== letter.U && kind !== letter.D) return this.#next(bytes, start, end)
    const size = this.#size(bytes, start, end)
    if (size < 0) return this.#next(bytes, start, end)
    const out = size <= this.#out.length ? this.#out : Buffer.allocUnsafeSlow(size)
    if (out.length <= keptBytes) this.#out = out
    this.#row(bytes, start, end, out)
    this.#next(out, 0, size)
  }

  /** Length of the message in UTF-8; -1: it is ASCII only. */
  #size(bytes: Buffer, start: number, end: number): number {
    let size = end - start
    let isAscii = true
    let at = start + headBytes
    while (at < end) {
      at += 1
      let columns = at + 2 <= end ? bytes.readUInt16BE(at) : 0
      for (at += 2; columns > 0; columns--) {
        if (bytes[at++] !== letter.text) continue
        const from = at + 4
        at = from <= end ? from + bytes.readUInt32BE(at) : end + 1
        if (at > end) throw cut()
        const converted = this.#text.size(bytes, from, at)
        if (converted < 0) continue
        isAscii = false
        size += converted - (at - from)
      }
    }
    if (at !== end) throw cut()
    return isAscii ? -1 : size
  }

  /** Converts a row whose bounds `#size` has checked. */
  #row(bytes: Buffer, start: number, end: number, out: Buffer): void {
    let at = start + headBytes
    let to = bytes.copy(out, 0, start, at)
    while (at < end) {
      const columns = bytes.readUInt16BE(at + 1)
      to += bytes.copy(out, to, at, at + 3)
      at += 3
      for (let i = 0; i < columns; i++) {
        const kind = bytes[at++] as number
        out[to++] = kind
        if (kind !== letter.text) continue
        const from = at + 4
        const until = from + bytes.readUInt32BE(at)
        const written = this.#text.write(bytes, from, until, out, to + 4)
        out.writeUInt32BE(written - to - 4, to)
        to = written
        at = until
      }
    }
  }

  /** Converts a relation message. It comes once for each table and each change of it, so it need not be fast. */
  #relation(bytes: Buffer, start: number, end: number): void {
    const parts: Buffer[] = []
    let at = start + headBytes
    const copied = (length: number): void => {
      parts.push(bytes.subarray(at, at + length))
      at += length
    }
    const name = (): void => {
      const zero = bytes.indexOf(0, at)
      if (zero < 0 || zero >= end) throw cut()
      parts.push(this.#converted(bytes, at, zero), Buffer.alloc(1))
      at = zero + 1
    }
    name()
    name()
    if (at + 3 > end) throw cut()
    const columns = bytes.readUInt16BE(at + 1)
    copied(3)
    for (let i = 0; i < columns; i++) {
      copied(1)
      name()
      copied(8)
    }
    if (at !== end) throw cut()
    const message = Buffer.concat([bytes.subarray(start, start + headBytes), ...parts])
    this.#next(message, 0, message.length)
  }

  #converted(bytes: Buffer, start: number, end: number): Buffer {
    const size = this.#text.size(bytes, start, end)
    if (size < 0) return bytes.subarray(start, end)
    const out = Buffer.alloc(size)
    this.#text.write(bytes, start, end, out, 0)
    return out
  }
}

function cut(): FeedError {
  return new FeedError('FEED_PROTOCOL', 'a logical replication message is cut off')
}

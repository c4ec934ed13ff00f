// Messages of a PostgreSQL client: the parts that the server reads, and the messages that it sends to PostgreSQL itself.
//
//   Parse     'P'  cstring name, cstring sql, u16 n, n × u32 type
//   Bind      'B'  cstring portal, cstring statement, u16 n, n × u16 format, u16 n, n × (i32 length, bytes), u16 n, n × u16 format
//   Describe  'D'  'S' or 'P', cstring name          Execute  'E'  cstring portal, u32 most rows
//   Close     'C'  'S' or 'P', cstring name          Query    'Q'  cstring sql

import { FeedError } from '../errors/feed-error.ts'
import { fromClient } from './tags.ts'

export class BodyReader {
  readonly #bytes: Buffer
  readonly #end: number
  #at: number

  /** `bytes[start, end)` is the body of a message. */
  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
  }

  cstring(): string {
    return this.cstringBytes().toString('utf8')
  }

  /** Returns the bytes of a cstring in the encoding in which the client sent them. */
  cstringBytes(): Buffer {
    const zero = this.#bytes.indexOf(0, this.#at)
    if (zero < 0 || zero >= this.#end) throw malformed()
    const bytes = this.#bytes.subarray(this.#at, zero)
    this.#at = zero + 1
    return bytes
  }

  u8(): number {
    this.#need(1)
    return this.#bytes[this.#at++] as number
  }

  u16(): number {
    this.#need(2)
    const value = this.#bytes.readUInt16BE(this.#at)
    this.#at += 2
    return value
  }

  u32(): number {
    this.#need(4)
    const value = this.#bytes.readUInt32BE(this.#at)
    this.#at += 4
    return value
  }

  /** i32 length and bytes; null for -1. */
  value(): Buffer | null {
    this.#need(4)
    const length = this.#bytes.readInt32BE(this.#at)
    this.#at += 4
    if (length < 0) return null
    this.#need(length)
    const bytes = this.#bytes.subarray(this.#at, this.#at + length)
    this.#at += length
    return bytes
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: this.u16() }, read)
  }

  #need(n: number): void {
    if (this.#at + n > this.#end) throw malformed()
  }
}

function malformed(): FeedError {
  return new FeedError('FEED_PROTOCOL', 'malformed message from the client')
}

export interface ParseMessage {
  readonly name: string
  readonly sql: string
  readonly types: readonly number[]
}

/** A client's Parse. */
export interface ReadParse {
  readonly name: string
  /** The statement in the encoding of the client. */
  readonly text: Buffer
  readonly types: readonly number[]
}

export function readParse(body: BodyReader): ReadParse {
  return { name: body.cstring(), text: body.cstringBytes(), types: body.list(() => body.u32()) }
}

export interface BindMessage {
  readonly portal: string
  readonly statement: string
  readonly formats: readonly number[]
  readonly values: readonly (Buffer | null)[]
  readonly resultFormats: readonly number[]
}

export type BindNames = Pick<BindMessage, 'portal' | 'statement'>

export function readBindNames(body: BodyReader): BindNames {
  return { portal: body.cstring(), statement: body.cstring() }
}

/** Reads the part of a Bind message that follows the two names. */
export function readBindValues(body: BodyReader): Omit<BindMessage, keyof BindNames> {
  return {
    formats: body.list(() => body.u16()),
    values: body.list(() => body.value()),
    resultFormats: body.list(() => body.u16()),
  }
}

export function queryMessage(sql: string): Buffer {
  return framed(fromClient.query, Buffer.from(`${sql}\0`))
}

export function parseMessage({ name, sql, types }: ParseMessage): Buffer {
  const list = Buffer.alloc(2 + 4 * types.length)
  list.writeUInt16BE(types.length, 0)
  for (const [i, type] of types.entries()) list.writeUInt32BE(type, 2 + 4 * i)
  return framed(fromClient.parse, Buffer.concat([Buffer.from(`${name}\0${sql}\0`), list]))
}

export function bindMessage({ portal, statement, formats, values, resultFormats }: BindMessage): Buffer {
  const list = (numbers: readonly number[]): Buffer => {
    const bytes = Buffer.alloc(2 + 2 * numbers.length)
    for (const [i, number] of [numbers.length, ...numbers].entries()) bytes.writeUInt16BE(number, 2 * i)
    return bytes
  }
  const count = Buffer.alloc(2)
  count.writeUInt16BE(values.length)
  const parts = values.flatMap((value) => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(value?.length ?? -1)
    return value === null ? [length] : [length, value]
  })
  const names = Buffer.from(`${portal}\0${statement}\0`)
  return framed(fromClient.bind, Buffer.concat([names, list(formats), count, ...parts, list(resultFormats)]))
}

export const flushMessage = framed(fromClient.flush, Buffer.alloc(0))
export const syncMessage = framed(fromClient.sync, Buffer.alloc(0))
export const copyDoneMessage = framed(fromClient.copyDone, Buffer.alloc(0))
export const terminateMessage = framed(fromClient.terminate, Buffer.alloc(0))

export function closeStatementMessage(name: string): Buffer {
  return framed(fromClient.close, Buffer.from(`S${name}\0`))
}

/** What a server that asks for a password gets, and each step of SASL after the first. */
export function passwordMessage(body: string): Buffer {
  return framed(fromClient.password, Buffer.from(body))
}

export function saslFirstMessage(mechanism: string, response: string): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(Buffer.byteLength(response), 0)
  return framed(fromClient.password, Buffer.concat([Buffer.from(`${mechanism}\0`), length, Buffer.from(response)]))
}

/** Returns the two names of a Bind message of which only `bytes[start, …)` has arrived; undefined if they are not complete yet. */
export function peekBindNames(bytes: Buffer, start: number): BindNames | undefined {
  const portalEnd = bytes.indexOf(0, start + 5)
  if (portalEnd < 0) return undefined
  const statementEnd = bytes.indexOf(0, portalEnd + 1)
  if (statementEnd < 0) return undefined
  return {
    portal: bytes.toString('utf8', start + 5, portalEnd),
    statement: bytes.toString('utf8', portalEnd + 1, statementEnd),
  }
}

function framed(tag: number, body: Buffer): Buffer {
  const message = Buffer.allocUnsafe(5 + body.length)
  message[0] = tag
  message.writeInt32BE(4 + body.length, 1)
  body.copy(message, 5)
  return message
}

export const requestCode = { cancel: 80877102, ssl: 80877103, gss: 80877104 } as const

/** Start-up packet: i32 length, i32 version, (cstring name, cstring value)*, 0. */
export function readStartup(packet: Buffer): { readonly version: number; readonly parameters: Map<string, string> } {
  const body = new BodyReader(packet, 8, packet.length)
  const parameters = new Map<string, string>()
  for (let name = body.cstring(); name !== ''; name = body.cstring()) parameters.set(name, body.cstring())
  return { version: packet.readInt32BE(4), parameters }
}

export function startupPacket(version: number, parameters: ReadonlyMap<string, string>): Buffer {
  const body = Buffer.from([...parameters].map(([name, value]) => `${name}\0${value}\0`).join('') + '\0')
  const packet = Buffer.alloc(8 + body.length)
  packet.writeInt32BE(packet.length, 0)
  packet.writeInt32BE(version, 4)
  body.copy(packet, 8)
  return packet
}

export function cancelPacket(pid: number, secret: Buffer): Buffer {
  const packet = Buffer.alloc(12 + secret.length)
  packet.writeInt32BE(packet.length, 0)
  packet.writeInt32BE(requestCode.cancel, 4)
  packet.writeInt32BE(pid, 8)
  secret.copy(packet, 12)
  return packet
}

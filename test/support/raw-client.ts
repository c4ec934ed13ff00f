// A client that speaks the PostgreSQL protocol by hand: bytes out, messages in, nothing in between.

import { connect, type Socket } from 'node:net'
import { BodyReader, startupPacket } from '../../src/wire/frontend-messages.ts'
import { MessageCutter } from '../../src/wire/message-cutter.ts'
import { readFields } from '../../src/postgres/server-error.ts'
import { until } from './until.ts'

const withinMs = 20_000

export interface RawMessage {
  readonly tag: string
  readonly bytes: Buffer
}

export class RawClient {
  readonly socket: Socket
  readonly messages: RawMessage[] = []
  isClosed = false
  readonly #cutter = new MessageCutter({
    message: (tag, bytes, start, end) => {
      this.messages.push({ tag: String.fromCharCode(tag), bytes: Buffer.from(bytes.subarray(start, end)) })
      return false
    },
    mayStream: () => false,
    part: () => undefined,
  })

  constructor(port: number) {
    this.socket = connect({ host: '127.0.0.1', port, noDelay: true })
    this.socket.on('data', (chunk: Buffer) => {
      this.#cutter.push(chunk)
    })
    this.socket.on('error', () => undefined)
    this.socket.on('close', () => (this.isClosed = true))
  }

  /** Start-up done, messages of it forgotten. */
  static async open(port: number, database = 'defaultdb'): Promise<RawClient> {
    const client = new RawClient(port)
    client.send(startup({ user: 'root', database }))
    await client.ready()
    client.messages.length = 0
    return client
  }

  send(...messages: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(messages))
  }

  /** The tags of what has come, in order. */
  get tags(): string {
    return this.messages.map(({ tag }) => tag).join('')
  }

  /** Waits for the n-th ReadyForQuery since `messages` was emptied; gives its status. */
  async ready(count = 1): Promise<string> {
    const found = await this.until('Z', count)
    return String.fromCharCode(found.bytes[5] as number)
  }

  /** Waits for the n-th message of that tag. */
  async until(tag: string, count = 1): Promise<RawMessage> {
    return until(`${count} × ${tag}, not only ${this.tags.slice(0, 100)}`, withinMs, () => {
      const found = this.messages.filter((message) => message.tag === tag)[count - 1]
      if (found === undefined && this.isClosed) throw new Error(`closed after ${this.tags.slice(0, 100)}`)
      return found
    })
  }

  async closed(): Promise<void> {
    await until('the connection is closed', withinMs, () => (this.isClosed ? true : undefined))
  }

  /** Every error so far: field letters and values. */
  get errors(): readonly ReadonlyMap<string, string>[] {
    return this.messages.filter(({ tag }) => tag === 'E').map(({ bytes }) => readFields(bytes, 5, bytes.length))
  }

  /** Text rows so far. */
  get rows(): readonly (readonly (string | null)[])[] {
    return this.messages
      .filter(({ tag }) => tag === 'D')
      .map(({ bytes }) => {
        const body = new BodyReader(bytes, 5, bytes.length)
        return body.list(() => body.value()?.toString() ?? null)
      })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy()
    await this.closed()
  }
}

export function startup(parameters: Readonly<Record<string, string>>): Buffer {
  return startupPacket(196608, new Map(Object.entries(parameters)))
}

/** One message: tag, then strings (closed by 0), numbers (u16, or u32 as `[n]`), or bytes. */
export function message(tag: string, ...parts: readonly (string | number | readonly [number] | Buffer)[]): Buffer {
  const body = Buffer.concat(
    parts.map((part) => {
      if (typeof part === 'string') return Buffer.from(`${part}\0`)
      if (Buffer.isBuffer(part)) return part
      const bytes = Buffer.alloc(typeof part === 'number' ? 2 : 4)
      if (typeof part === 'number') bytes.writeUInt16BE(part)
      else bytes.writeUInt32BE((part as readonly [number])[0])
      return bytes
    }),
  )
  const head = Buffer.alloc(5)
  head.write(tag)
  head.writeInt32BE(4 + body.length, 1)
  return Buffer.concat([head, body])
}

export const sync = message('S')
export const flush = message('H')
export const query = (sql: string): Buffer => message('Q', sql)
export const parse = (name: string, sql: string, types: readonly number[] = []): Buffer =>
  message('P', name, sql, types.length, ...types.map((type) => [type] as const))
export const describe = (kind: 'S' | 'P', name: string): Buffer => message('D', Buffer.from(kind), name)
export const close = (kind: 'S' | 'P', name: string): Buffer => message('C', Buffer.from(kind), name)
export const execute = (portal: string, maxRows = 0): Buffer => message('E', portal, [maxRows])

export interface BindValues {
  readonly formats?: readonly number[]
  readonly values?: readonly (Buffer | string | null)[]
  readonly resultFormats?: readonly number[]
}

export function bind(
  portal: string,
  statement: string,
  { formats = [], values = [], resultFormats = [] }: BindValues = {},
): Buffer {
  const parts = values.flatMap((value): (readonly [number] | Buffer)[] =>
    value === null ? [[0xffffffff]] : [[Buffer.byteLength(value)], Buffer.from(value)],
  )
  return message(
    'B',
    portal,
    statement,
    formats.length,
    ...formats,
    values.length,
    ...parts,
    resultFormats.length,
    ...resultFormats,
  )
}

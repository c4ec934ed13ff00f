// Reads Avro messages in this process, with avsc and the schemas of the registry.

import avsc, { type Schema, type Type } from 'avsc'

export interface Decoded {
  /** As the registry has it, parsed. */
  readonly schema: unknown
  /** The value of a union is an object whose member says its type, or null. A long is a bigint. */
  readonly value: unknown
  /** In the JSON encoding of Avro: `{"after":{"t":{"a":{"long":1}}}}`. */
  readonly text: string
}

/** Not yet in the types of the language. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): object }

/** 64 bits, which a number does not hold. `toJSON` gives its digits. */
const long = avsc.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64LE(value)
    return bytes
  },
  fromJSON: BigInt,
  toJSON: (value: bigint) => rawJSON(String(value)),
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (one: bigint, other: bigint) => (one === other ? 0 : one < other ? -1 : 1),
})

/** A long with a logical type has no name by which avsc would find ours. */
function longOf(schema: unknown): Type | undefined {
  return (schema as { readonly type?: unknown } | null)?.type === 'long' ? long : undefined
}

export function avroType(schema: unknown): Type {
  return avsc.Type.forSchema(schema as Schema, { wrapUnions: true, registry: { long }, typeHook: longOf })
}

export function isAvro(message: Buffer): boolean {
  return message.length >= 5 && message[0] === 0
}

/** Bytes are characters, and numbers that JSON does not have are strings, as Java prints them. For JSON.stringify. */
function inWords(this: unknown, name: string, value: unknown): unknown {
  const raw = (this as Readonly<Record<string, unknown>>)[name]
  if (typeof raw === 'bigint') return rawJSON(String(raw))
  if (Buffer.isBuffer(raw)) return raw.toString('latin1')
  return typeof raw === 'number' && !Number.isFinite(raw) ? String(raw) : value
}

export class AvroDecoder {
  readonly #registry: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #schemas = new Map<number, { readonly schema: unknown; readonly type: Type }>()

  /** `registry`: its URL, perhaps with user and password. */
  constructor(registry: string) {
    const { username, password, origin, pathname } = new URL(registry)
    this.#registry = (origin + pathname).replace(/\/$/, '')
    const user = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')
    this.#headers = username === '' ? {} : { authorization: `Basic ${user}` }
  }

  /** Without user and password. */
  get registry(): string {
    return this.#registry
  }

  /** A message: a zero byte, four bytes with the id of its schema, and exactly one value. */
  async decode(message: Buffer): Promise<Decoded> {
    const id = message.readInt32BE(1)
    const { schema, type } = this.#schemas.get(id) ?? (await this.#ask(id))
    const value: unknown = type.fromBuffer(message.subarray(5))
    return { schema, value, text: JSON.stringify(value, inWords) }
  }

  async #ask(id: number): Promise<{ readonly schema: unknown; readonly type: Type }> {
    const answer = await fetch(`${this.#registry}/schemas/ids/${id}`, { headers: this.#headers })
    const body = await answer.text()
    if (!answer.ok) throw new Error(`schema ${id}: ${answer.status} ${body}`)
    const schema: unknown = JSON.parse((JSON.parse(body) as { schema: string }).schema)
    const found = { schema, type: avroType(schema) }
    this.#schemas.set(id, found)
    return found
  }
}

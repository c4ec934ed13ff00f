// Reads Avro messages in this process, with avsc and the schemas of the registry.

import avsc, { type Schema, type Type } from 'avsc'

interface Options {
  /** Undefined: the registry wants none. */
  readonly user?: { readonly name: string; readonly password: string } | undefined
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

/** The type of a schema. With `wrapUnions` the value of a union says its type, as in Avro's JSON encoding. */
export function avroType(schema: string, wrapUnions = true): Type {
  return avsc.Type.forSchema(JSON.parse(schema) as Schema, { wrapUnions, registry: { long } })
}

/** Types by the ids of their schemas. */
export class RegisteredTypes {
  readonly #registry: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #wrapUnions: boolean
  readonly #known = new Map<number, Type>()

  /** `registry`: its URL. */
  constructor(registry: string, wrapUnions: boolean, { user }: Options = {}) {
    this.#registry = registry
    this.#wrapUnions = wrapUnions
    this.#headers =
      user === undefined
        ? {}
        : { authorization: `Basic ${Buffer.from(`${user.name}:${user.password}`).toString('base64')}` }
  }

  /** Of a message: a zero byte, four bytes of its id, and the value. */
  of(message: Buffer): Type | Promise<Type> {
    const id = message.readInt32BE(1)
    return this.#known.get(id) ?? this.#ask(id)
  }

  async #ask(id: number): Promise<Type> {
    const answer = await fetch(`${this.#registry}/schemas/ids/${id}`, { headers: this.#headers })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`schema ${id}: ${answer.status} ${text}`)
    const type = avroType((JSON.parse(text) as { schema: string }).schema, this.#wrapUnions)
    this.#known.set(id, type)
    return type
  }
}

export function isAvro(message: Buffer): boolean {
  return message.length >= 5 && message[0] === 0
}

/** What stands behind the id. Throws if it is not exactly one value. */
export function valueOf(type: Type, message: Buffer): unknown {
  return type.fromBuffer(message.subarray(5))
}

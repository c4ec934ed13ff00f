// The text that a feed with format=json would have sent in place of an Avro message, so that validators and suites can judge
// it: `[1]` for a key, `{"after": {"a": 1}}` for a value. Types whose text in JSON is not that of their Avro value are refused.

import type { Decoded } from './avro-decoder.ts'

interface Field {
  readonly name: string
  readonly type: unknown
}

export function keyAsJson({ schema, value }: Decoded): string {
  const columns = fieldsOf(schema).map(({ name, type }) => textOf(type, member(value, name)))
  return `[${columns.join(', ')}]`
}

export function valueAsJson({ schema, value }: Decoded): string {
  return textOf(schema, value)
}

function textOf(schema: unknown, value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(schema)) {
    const [[name = '', inside] = []] = Object.entries(value as object)
    return textOf(
      schema.find((branch) => branchName(branch) === name),
      inside,
    )
  }
  const { type, logicalType } = typeof schema === 'object' ? (schema as Record<string, unknown>) : { type: schema }
  if (logicalType === 'decimal') return decimalText(value as Buffer, (schema as { readonly scale?: number }).scale ?? 0)
  if (logicalType !== undefined) throw new Error(`what JSON says of a ${String(logicalType)} is not known here`)
  if (type === 'record') return objectOf(schema, value)
  if (type === 'array') {
    const { items } = schema as { readonly items: unknown }
    return `[${(value as unknown[]).map((item) => textOf(items, item)).join(', ')}]`
  }
  if (type === 'bytes') return JSON.stringify(`\\x${(value as Buffer).toString('hex')}`)
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value)
}

/** The bytes are those of a number without its point, the highest first. */
function decimalText(bytes: Buffer, scale: number): string {
  const unscaled = bytes.length === 0 ? 0n : BigInt.asIntN(8 * bytes.length, BigInt(`0x${bytes.toString('hex')}`))
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
  const point = digits.length - scale
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, point)}${scale === 0 ? '' : `.${digits.slice(point)}`}`
}

/** The members of a JSON feed are sorted; those of a record are in the order of the columns. */
function objectOf(schema: unknown, value: unknown): string {
  const members = fieldsOf(schema).map(({ name, type }): [string, string] => [
    unescaped(name),
    textOf(type, member(value, name)),
  ])
  members.sort(([one], [other]) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
  return `{${members.map(([name, text]) => `${JSON.stringify(name)}: ${text}`).join(', ')}}`
}

function branchName(branch: unknown): string {
  if (typeof branch === 'string') return branch
  const { type, name, namespace } = branch as { type: string; name?: string; namespace?: string }
  if (name === undefined) return type
  return namespace === undefined ? name : `${namespace}.${name}`
}

function fieldsOf(schema: unknown): readonly Field[] {
  return (schema as { readonly fields: readonly Field[] }).fields
}

function member(value: unknown, name: string): unknown {
  return (value as Readonly<Record<string, unknown>>)[name]
}

function unescaped(name: string): string {
  return name.replaceAll(/_u([0-9a-f]{4}|[0-9a-f]{8})_/g, (_, digits: string) =>
    String.fromCodePoint(Number.parseInt(digits, 16)),
  )
}

// JSON as the validators compare it: numbers keep the digits they were written with (a JavaScript number would lose
// them beyond 2^53), members lose their order.

export class JsonNumber {
  readonly digits: string

  constructor(digits: string) {
    this.digits = digits
  }
}

export type JsonValue = null | boolean | string | JsonNumber | readonly JsonValue[] | ReadonlyMap<string, JsonValue>

export function parseJson(text: string): JsonValue {
  // The third argument of a reviver gives the source text of a primitive.
  return JSON.parse(text, ((_name: string, value: unknown, context: { readonly source?: string }): JsonValue => {
    if (typeof value === 'number') return new JsonNumber(context.source ?? String(value))
    if (value === null || typeof value !== 'object') return value as JsonValue
    if (Array.isArray(value) || value instanceof JsonNumber || value instanceof Map) return value as JsonValue
    return new Map(Object.entries(value))
  }) as (name: string, value: unknown) => unknown) as JsonValue
}

/** A message value as its members; an empty value has none. Throws when it is JSON and not an object. */
export function parseMessage(text: string): ReadonlyMap<string, JsonValue> {
  if (text === '') return new Map()
  const value = parseJson(text)
  if (!isObject(value)) throw new Error(`expected a JSON object, got ${text}`)
  return value
}

export function isObject(value: JsonValue | undefined): value is ReadonlyMap<string, JsonValue> {
  return value instanceof Map
}

/** One text for equal values: members sorted, no spaces. */
export function canonicalText(value: JsonValue): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if (value instanceof JsonNumber) return value.digits
  if (isObject(value)) {
    const members = [...value].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalText(member)}`).join(',')}}`
  }
  return `[${value.map(canonicalText).join(',')}]`
}

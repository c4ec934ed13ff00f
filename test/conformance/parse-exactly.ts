// JSON.parse would round a number that is larger than a number of JavaScript can be.

type Reviver = (name: string, value: unknown, context: { readonly source?: string }) => unknown
/** Not yet in the types of the language. */
const { parse, rawJSON } = JSON as unknown as {
  parse(text: string, reviver: Reviver): unknown
  rawJSON(text: string): object
}

/** Numbers become objects that JSON.stringify writes as they were. Any other value is what `revive` makes of it. */
export function parseExactly(text: string, revive = (value: unknown): unknown => value): unknown {
  return parse(text, (_name, value, { source }) =>
    typeof value === 'number' && source !== undefined ? rawJSON(source) : revive(value),
  )
}

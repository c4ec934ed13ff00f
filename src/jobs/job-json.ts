// Writes specs and progress as JSON text. Values that JSON does not have, which are bigints and infinities, are written as
// {"$": "123n"} and {"$": "Infinity"}.

const mark = '$'

export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => {
    if (typeof member === 'bigint') return { [mark]: `${member}n` }
    if (member === Number.POSITIVE_INFINITY) return { [mark]: 'Infinity' }
    return member
  })
}

export function fromJson<T>(text: string): T {
  return JSON.parse(text, (_, member: unknown) => {
    if (typeof member !== 'object' || member === null || !(mark in member)) return member
    const written = String(member[mark])
    return written === 'Infinity' ? Number.POSITIVE_INFINITY : BigInt(written.slice(0, -1))
  }) as T
}

// Reads the text of composite values. PostgreSQL prints `(1,"a b",)`: NULL is nothing between commas, and the empty string is `""`.
// Inside quotes, `""` is one quote and `\\` is one backslash.

const quote = 0x22
const comma = 0x2c
const backslash = 0x5c

/** Returns the texts of the attributes, which are undefined for NULL; undefined: the text is none of a composite value. */
export function splitComposite(bytes: Buffer, start: number, end: number): (Buffer | undefined)[] | undefined {
  if (end - start < 2 || bytes[start] !== 0x28 || bytes[end - 1] !== 0x29) return undefined
  const values: (Buffer | undefined)[] = []
  const last = end - 1
  for (let at = start + 1; ; at++) {
    const text = Buffer.allocUnsafe(last - at)
    const from = at
    let length = 0
    let inQuotes = false
    for (; at < last; at++) {
      const byte = bytes[at] as number
      if (byte === comma && !inQuotes) break
      if (byte === backslash) at += 1
      else if (byte === quote) {
        // Inside quotes, a quote before another quote escapes it. Any other quote opens or closes.
        const isDoubled = inQuotes && at + 1 < last && bytes[at + 1] === quote
        if (!isDoubled) {
          inQuotes = !inQuotes
          continue
        }
        at += 1
      }
      if (at >= last) return undefined
      text[length++] = bytes[at] as number
    }
    if (inQuotes) return undefined
    values.push(at === from ? undefined : text.subarray(0, length))
    if (at >= last) return values
  }
}

/**
 * Returns the list of attributes that a value with these texts has: the present ones, or those that the type had before. Their number
 * tells; undefined: there is no such list.
 */
export function attributesOf<T>(
  values: readonly (Buffer | undefined)[],
  lists: readonly (readonly T[])[],
): readonly T[] | undefined {
  // PostgreSQL prints `()` both for a value without fields and for a value whose only field is NULL.
  const isEmpty = values.length === 1 && values[0] === undefined
  return (
    lists.find(({ length }) => length === values.length) ??
    (isEmpty ? lists.find(({ length }) => length === 0) : undefined)
  )
}

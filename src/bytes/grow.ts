// Typed arrays that grow: returns a copy of twice the length, or of a given length, that begins with the old numbers.

type Column =
  | Uint8Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>
  | BigUint64Array<ArrayBuffer>

export function grown<T extends Column>(from: T, length = from.length * 2): T {
  const to = new (from.constructor as new (length: number) => T)(length)
  to.set(from as never)
  return to
}

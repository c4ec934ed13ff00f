// A copy of an ErrorResponse with another hint.
//
//   'E'  i32 length  (u8 field, cstring value)*  0        hint: field 'H'

const hintField = 0x48

export function withHint(error: Buffer, hint: string): Buffer {
  const parts = [error.subarray(0, 5)]
  let at = 5
  while (at < error.length && error[at] !== 0) {
    const zero = error.indexOf(0, at + 1)
    if (zero < 0) break
    if (error[at] !== hintField) parts.push(error.subarray(at, zero + 1))
    at = zero + 1
  }
  parts.push(Buffer.from(`H${hint}\0\0`))
  const message = Buffer.concat(parts)
  message.writeInt32BE(message.length - 1, 1)
  return message
}

// Copies an ErrorResponse and replaces or removes some of its fields.
//
//   'E'  i32 length  (u8 field, cstring value)*  0

export interface ReportFields {
  /** Field 'M'. */
  readonly message?: string | undefined
  /** Field 'H'. */
  readonly hint?: string | undefined
  /** Leaves out field 'W', the functions that the error came out of. */
  readonly hidesContext?: boolean | undefined
}

export function withFields(error: Buffer, { message, hint, hidesContext = false }: ReportFields): Buffer {
  const left = new Set<string>()
  if (message !== undefined) left.add('M')
  if (hint !== undefined) left.add('H')
  if (hidesContext) left.add('W')
  const parts = [error.subarray(0, 5)]
  let at = 5
  while (at < error.length && error[at] !== 0) {
    const zero = error.indexOf(0, at + 1)
    if (zero < 0) break
    if (!left.has(String.fromCharCode(error[at] as number))) parts.push(error.subarray(at, zero + 1))
    at = zero + 1
  }
  if (message !== undefined) parts.push(Buffer.from(`M${message}\0`))
  if (hint !== undefined) parts.push(Buffer.from(`H${hint}\0`))
  parts.push(Buffer.from('\0'))
  const made = Buffer.concat(parts)
  made.writeInt32BE(made.length - 1, 1)
  return made
}

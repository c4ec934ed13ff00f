// Corrects the position in an ErrorResponse, which counts characters of the text that PostgreSQL received. The client may
// have written a longer text, of which PostgreSQL received a part, or other words.
//
//   'E'  i32 length  (u8 field, cstring value)*  0        position: field 'P', decimal

const position = 0x50

/** Returns a copy of the message `bytes[start, end)` with the corrected position; undefined if it has no position. */
export function movePosition(
  bytes: Buffer,
  start: number,
  end: number,
  positions: (position: number) => number,
): Buffer | undefined {
  let at = start + 5
  while (at < end && bytes[at] !== 0) {
    const zero = bytes.indexOf(0, at + 1)
    if (zero < 0 || zero >= end) return undefined
    if (bytes[at] === position) {
      const moved = positions(Number(bytes.toString('latin1', at + 1, zero)))
      const message = Buffer.concat([
        bytes.subarray(start, at + 1),
        Buffer.from(String(moved)),
        bytes.subarray(zero, end),
      ])
      message.writeInt32BE(message.length - 1, 1)
      return message
    }
    at = zero + 1
  }
  return undefined
}

// Hybrid-logical timestamps: wall nanoseconds since the Unix epoch plus a logical counter that orders
// transactions of the same nanosecond. A transaction gets exactly one, from ingest; `updated` and `resolved` print it.
// The wall part exceeds 2^53, so it is a bigint everywhere; text form is `<wall>.<logical, ten digits>`.

export interface Hlc {
  readonly wall: bigint
  readonly logical: number
}

/** The largest logical value (CockroachDB keeps it in a signed 32-bit integer). */
export const maxLogical = 0x7fffffff

export const zeroHlc: Hlc = { wall: 0n, logical: 0 }

export function compareHlc(a: Hlc, b: Hlc): number {
  if (a.wall !== b.wall) return a.wall < b.wall ? -1 : 1
  return a.logical - b.logical
}

export function laterHlc(a: Hlc, b: Hlc): Hlc {
  return compareHlc(a, b) >= 0 ? a : b
}

export function earlierHlc(a: Hlc, b: Hlc): Hlc {
  return compareHlc(a, b) <= 0 ? a : b
}

/** The smallest timestamp above `t`. */
export function nextHlc(t: Hlc): Hlc {
  return t.logical === maxLogical ? { wall: t.wall + 1n, logical: 0 } : { wall: t.wall, logical: t.logical + 1 }
}

/** The largest timestamp below `t`. */
export function prevHlc(t: Hlc): Hlc {
  return t.logical === 0 ? { wall: t.wall - 1n, logical: maxLogical } : { wall: t.wall, logical: t.logical - 1 }
}

export function formatHlc(t: Hlc): string {
  return `${t.wall}.${String(t.logical).padStart(10, '0')}`
}

/** Reads `<wall>` or `<wall>.<logical>` (the text of `formatHlc`); `undefined` when it is something else. */
export function parseHlc(text: string): Hlc | undefined {
  const match = /^(\d{1,19})(?:\.(\d{1,10}))?$/.exec(text)
  if (match === null) return undefined
  const logical = Number((match[2] ?? '0').padEnd(10, '0'))
  if (logical > maxLogical) return undefined
  return { wall: BigInt(match[1] as string), logical }
}

export const pgEpochMicros = 946_684_800_000_000n

/** PostgreSQL's TimestampTz on the wire (microseconds since 2000-01-01 UTC) as wall nanoseconds. */
export function wallOfPgMicros(micros: bigint): bigint {
  return (micros + pgEpochMicros) * 1000n
}

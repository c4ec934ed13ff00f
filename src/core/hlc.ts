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

/** Returns the wall time in ms since 1970. */
export function wallMs({ wall }: Hlc): number {
  return Number(wall / 1_000_000n)
}

export const pgEpochMicros = 946_684_800_000_000n

/** PostgreSQL's TimestampTz on the wire (microseconds since 2000-01-01 UTC) as wall nanoseconds. */
export function wallOfPgMicros(micros: bigint): bigint {
  return (micros + pgEpochMicros) * 1000n
}

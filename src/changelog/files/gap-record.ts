// The record of a gap: why changes are missing, and of which relations.

import { record } from '../changelog.ts'

export interface Gap {
  readonly reason: string
  /** Undefined: of all. */
  readonly relids: readonly number[] | undefined
}

/** Without the length in front. */
export function gapRecord(reason: string, relids: readonly number[] | undefined): Buffer {
  const text = Buffer.from(reason)
  if (relids === undefined) return Buffer.concat([Buffer.of(record.gap), text])
  const head = Buffer.alloc(5 + 4 * relids.length)
  head[0] = record.gapOf
  head.writeUInt32BE(relids.length, 1)
  for (const [i, relid] of relids.entries()) head.writeUInt32BE(relid, 5 + 4 * i)
  return Buffer.concat([head, text])
}

/** `payload[start, end)` is a record; undefined: not a gap. */
export function readGap(payload: Buffer, start: number, end: number): Gap | undefined {
  if (payload[start] === record.gap) return { reason: payload.toString('utf8', start + 1, end), relids: undefined }
  if (payload[start] !== record.gapOf) return undefined
  const count = payload.readUInt32BE(start + 1)
  const relids = Array.from({ length: count }, (_, i) => payload.readUInt32BE(start + 5 + 4 * i))
  return { reason: payload.toString('utf8', start + 5 + 4 * count, end), relids }
}

/** Whether somebody who follows `isTarget` misses something. */
export function concerns({ relids }: Gap, isTarget: (relid: number) => boolean): boolean {
  return relids === undefined || relids.some(isTarget)
}

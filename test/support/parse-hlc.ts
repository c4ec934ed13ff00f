// Reads timestamps in messages of changefeeds.

import { maxLogical, type Hlc } from '../../src/core/hlc.ts'

/** Reads `<wall>` or `<wall>.<logical>` (the text of `formatHlc`); `undefined` when it is something else. */
export function parseHlc(text: string): Hlc | undefined {
  const match = /^(\d{1,19})(?:\.(\d{1,10}))?$/.exec(text)
  if (match === null) return undefined
  const logical = Number((match[2] ?? '0').padEnd(10, '0'))
  if (logical > maxLogical) return undefined
  return { wall: BigInt(match[1] as string), logical }
}

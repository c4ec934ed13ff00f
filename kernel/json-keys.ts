// The keys of printed members: where they lie, and how they compare. Each is an address in the output.

import { BACKSLASH } from './bytes'
import { membersAt } from '../src/encode/json/kernel/layout'

export const mostMembers: i32 = 4096

// For each member: where its key starts (with the quote) and ends, and where it ends.
export const starts: usize = membersAt
export const keyEnds: usize = membersAt + 4 * 4096
export const ends: usize = membersAt + 8 * 4096

/** A key has an escape where it differs from another: the reference encoder compares what escapes stand for. */
export let hasEscape = false

export function clearKeys(): void {
  hasEscape = false
}

/** Compares the keys of two members in a copy of the output that lies `shift` bytes further on. */
export function compareMembers(a: i32, b: i32, shift: usize): i32 {
  const aStart = load<usize>(starts + (a << 2)) + 1
  const bStart = load<usize>(starts + (b << 2)) + 1
  const aLength = load<usize>(keyEnds + (a << 2)) - 1 - aStart
  const bLength = load<usize>(keyEnds + (b << 2)) - 1 - bStart
  const common = min(aLength, bLength)
  for (let i: usize = 0; i < common; i++) {
    const x = load<u8>(aStart + shift + i)
    const y = load<u8>(bStart + shift + i)
    if (x == BACKSLASH || y == BACKSLASH) {
      hasEscape = true
      return 0
    }
    if (x != y) return <i32>x - <i32>y
  }
  return <i32>aLength - <i32>bLength
}

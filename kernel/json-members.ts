// Sorts the members of printed JSON objects, as src/encode/json/member-order.ts does. The addresses of all open objects and
// their members are in arrays that are used as stacks.

import { copyBytes } from './copy'
import { GIVEN_UP, SEPARATOR } from './bytes'
import { clearKeys, compareMembers, ends, hasEscape, keyEnds, mostMembers, starts } from './json-keys'
import { sortMembers } from './json-sort'
import { membersAt, objectAt, objectBytes } from '../src/encode/json/kernel/layout'

/** More objects and arrays in each other than this are written by the reference encoder. */
export const deepest: i32 = 64

/** The members of the object that is being sorted, in their order. */
const order: usize = membersAt + 12 * 4096
// For each open object: its first member, where its members start, and whether a key was out of order.
const firsts: usize = memory.data(4 * 64)
const froms: usize = memory.data(4 * 64)
const disordered: usize = memory.data(64)

let count: i32 = 0
let openCount: i32 = 0

export function clearMembers(): void {
  count = 0
  openCount = 0
  clearKeys()
}

/** Returns the number of the object. */
export function openObject(o: usize): i32 {
  const object = openCount++
  store<i32>(firsts + (object << 2), count)
  store<usize>(froms + (object << 2), o)
  store<u8>(disordered + object, 0)
  return object
}

/** Called when the key at `start` was printed up to `o`. Returns false if the reference encoder must write the value. */
export function startMember(start: usize, o: usize): bool {
  if (count == mostMembers) return false
  const member = count++
  store<usize>(starts + (member << 2), start)
  store<usize>(keyEnds + (member << 2), o)
  const object = openCount - 1
  if (member == load<i32>(firsts + (object << 2)) || load<u8>(disordered + object) == 1) return true
  if (compareMembers(member - 1, member, 0) >= 0) store<u8>(disordered + object, 1)
  return !hasEscape
}

export function endMember(o: usize): void {
  store<usize>(ends + ((count - 1) << 2), o)
}

/** Called when the innermost open object is complete except for its closing brace. Returns the end of its members. */
export function closeObject(object: i32, o: usize): usize {
  const first = load<i32>(firsts + (object << 2))
  if (count > first) endMember(o)
  let after = o
  if (load<u8>(disordered + object) == 1) after = rewrite(first, load<usize>(froms + (object << 2)), o)
  count = first
  openCount = object
  return after
}

function rewrite(first: i32, from: usize, end: usize): usize {
  if (end - from > <usize>objectBytes) return GIVEN_UP
  const members = count - first
  for (let i = 0; i < members; i++) store<i32>(order + (i << 2), first + i)
  sortMembers(order, members)
  if (hasEscape) return GIVEN_UP
  copyBytes(objectAt, from, end - from)
  const shift = <usize>objectAt - from
  let o = from
  for (let i = 0; i < members; i++) {
    const member = load<i32>(order + (i << 2))
    if (i + 1 < members && compareMembers(member, load<i32>(order + ((i + 1) << 2)), shift) == 0) continue
    if (o > from) {
      store<u16>(o, SEPARATOR)
      o += 2
    }
    const start = load<usize>(starts + (member << 2))
    const length = load<usize>(ends + (member << 2)) - start
    copyBytes(o, start + shift, length)
    o += length
  }
  return o
}

// Sorts members by their keys. Members with equal keys keep their order, because the last of them counts.

import { compareMembers } from './json-keys'
import { membersAt } from '../src/encode/json/kernel/layout'

const fewMembers: i32 = 16
const other: usize = membersAt + 16 * 4096

/** `order` is an array of `count` members as i32. */
export function sortMembers(order: usize, count: i32): void {
  if (count <= fewMembers) insertionSort(order, count)
  else mergeSort(order, count)
}

function insertionSort(order: usize, count: i32): void {
  for (let i = 1; i < count; i++) {
    const member = load<i32>(order + (i << 2))
    let place = i
    for (; place > 0; place--) {
      const before = load<i32>(order + ((place - 1) << 2))
      if (compareMembers(before, member, 0) <= 0) break
      store<i32>(order + (place << 2), before)
    }
    store<i32>(order + (place << 2), member)
  }
}

/** Merges runs of 1, 2, 4, … members from one array into the other. */
function mergeSort(order: usize, count: i32): void {
  let from = order
  let to = other
  for (let width = 1; width < count; width <<= 1) {
    for (let start = 0; start < count; start += 2 * width) {
      merge(from, to, start, min(start + width, count), min(start + 2 * width, count))
    }
    const merged = to
    to = from
    from = merged
  }
  if (from != order) memory.copy(order, from, (<usize>count) << 2)
}

function merge(from: usize, to: usize, start: i32, middle: i32, end: i32): void {
  let left = start
  let right = middle
  for (let i = start; i < end; i++) {
    let takesLeft = right >= end
    if (!takesLeft && left < middle)
      takesLeft = compareMembers(load<i32>(from + (left << 2)), load<i32>(from + (right << 2)), 0) <= 0
    store<i32>(to + (i << 2), load<i32>(from + ((takesLeft ? left++ : right++) << 2)))
  }
}

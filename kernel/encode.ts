// The door of the kernel: encodes what the host has put into its memory into messages: records of the changelog, or rows of COPY. It
// stops at the first that it cannot write, and where the output is full; the host then continues after it, or with it.

import { beginMessages, endMessages, hasRoom, writeMessage } from './messages'
import { DELETED, INSERTED, NOTHING, readRecord, REFERENCE } from './records'
import { forgetStamps } from './stamps'
import { setStamps } from './steps'
import {
  headDeleted,
  headInserted,
  headUpdated,
  inputAt,
  pointersAt,
  stampNumbersAt,
  tagsAt,
  whatsAt,
} from '../src/encode/json/kernel/layout'

export { encodeCopied } from './copied'

/** Encodes the records `[from, count)`. `delta` is the offset in the block of what lies at the start of the input. */
export function encode(from: u32, count: u32, delta: u32, base: u32): void {
  forgetStamps()
  beginMessages(base)
  let isLeft = false
  let record = from
  for (; record < count; record++) {
    const place = record << 2
    const tag: usize = inputAt + (load<u32>(tagsAt + place) - delta)
    const what = load<u32>(whatsAt + place)
    // 0: there was no room for the program.
    const program = load<u32>(pointersAt + ((what & 0xffff) << 2))
    const length = bswap(load<u32>(tag - 4))
    if (program == 0) isLeft = true
    if (isLeft || !hasRoom(program, length)) break
    const read = readRecord(program, tag, tag + length, what >> 16)
    if (read == NOTHING) continue
    isLeft = read == REFERENCE
    if (isLeft) break
    const stamp = load<u32>(stampNumbersAt + place)
    setStamps(stamp, stamp)
    const list = read == INSERTED ? headInserted : read == DELETED ? headDeleted : headUpdated
    isLeft = !writeMessage(program, list, record)
    if (isLeft) break
  }
  endMessages(record, isLeft)
}

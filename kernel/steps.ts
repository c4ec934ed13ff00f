// Prints keys and values by the steps of a program.

import { GIVEN_UP, NULL_WORD, QUOTE } from './bytes'
import { writeArray, writeKeyArray } from './arrays'
import { copyBytes } from './copy'
import { writeByHost } from './host'
import { writeScalar } from './scalars'
import { writeStamp } from './stamps'
import { specials } from './text'
import { NULL, UNCHANGED } from './tuple'
import {
  keyEndBytes,
  listSteps,
  listValueStep,
  opArray,
  opHost,
  opKeyArray,
  opMvcc,
  opNothing,
  opPlain,
  opText,
  opUpdated,
  stepBytes,
  stepDelimiter,
  stepElement,
  stepLength,
  stepOp,
  stepText,
  stepValue,
} from '../src/encode/json/kernel/layout'

/** The timestamps of the message that is being written. */
let mvcc: u32 = 0
let updated: u32 = 0

export function setStamps(ofRow: u32, ofMessage: u32): void {
  mvcc = ofRow
  updated = ofMessage
}

/** Where the value of the message starts that was written last. */
export let valueStart: usize = 0

/** `list` is the place of a list in the head of the program. Values of the most common types are written here: a call costs as much as they do. */
export function writeList(o: usize, program: usize, list: usize): usize {
  let step = program + load<u32>(program + list)
  const ofValue = step + load<u32>(program + list, listValueStep) * stepBytes
  for (const last = step + load<u32>(program + list, listSteps) * stepBytes; step < last; step += stepBytes) {
    if (step == ofValue) valueStart = o + keyEndBytes
    const text = program + load<u32>(step, stepText)
    const textLength: usize = load<u16>(step, stepLength)
    v128.store(o, v128.load(text))
    if (textLength > 16) {
      v128.store(o + 16, v128.load(text + 16))
      if (textLength > 32) copyBytes(o + 32, text + 32, textLength - 32)
    }
    o += textLength
    const op = load<u8>(step, stepOp)
    if (op == opNothing) continue
    const value = load<usize>(step, stepValue)
    const start = load<usize>(value)
    const length = load<usize>(value, 4) - start
    const bytes = v128.load(start)
    if (op == opPlain && start > UNCHANGED) {
      v128.store(o, bytes)
      if (length > 16) copyBytes(o + 16, start + 16, length - 16)
      o += length
    } else if (op == opText && length <= 16 && start > UNCHANGED && !(specials(bytes) & ((1 << (<i32>length)) - 1))) {
      store<u8>(o, QUOTE)
      v128.store(o + 1, bytes)
      store<u8>(o + length + 1, QUOTE)
      o += length + 2
    } else {
      o = writeOther(o, program, step, start, start + length)
      if (o == GIVEN_UP) return GIVEN_UP
    }
  }
  return o
}

function writeOther(o: usize, program: usize, step: usize, start: usize, end: usize): usize {
  const op = load<u8>(step, stepOp)
  if (op == opMvcc) return writeStamp(o, mvcc)
  if (op == opUpdated) return writeStamp(o, updated)
  if (start == NULL) {
    store<u32>(o, NULL_WORD)
    return o + 4
  }
  if (start == UNCHANGED) return GIVEN_UP
  if (op == opArray) return writeArray(o, start, end, load<u8>(step, stepElement), load<u8>(step, stepDelimiter))
  if (op == opKeyArray) return writeKeyArray(o, start, end, load<u8>(step, stepElement), load<u8>(step, stepDelimiter))
  if (op == opHost) return writeByHost(program, load<u8>(step, stepElement), o, start, end)
  return writeScalar(op, o, start, end)
}

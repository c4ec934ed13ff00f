// Prints keys, rows and whole values by the steps of a program.

import { CLOSE_LIST, CLOSE_OBJECT, GIVEN_UP, NULL_WORD, QUOTE } from './bytes'
import { writeArray, writeKeyArray } from './arrays'
import { copyBytes } from './copy'
import { writeScalar } from './scalars'
import { writeStamp } from './stamps'
import { specials } from './text'
import { NULL, UNCHANGED } from './tuple'
import {
  headKeyCount,
  headKeySteps,
  headMetaCount,
  headMetaSteps,
  headRowCount,
  headRowSteps,
  headValueCount,
  headValueSteps,
  opAfter,
  opArray,
  opBefore,
  opKey,
  opKeyArray,
  opMeta,
  opMvcc,
  opPlain,
  opText,
  opUpdated,
  stepBytes,
  stepColumn,
  stepDelimiter,
  stepElement,
  stepLength,
  stepOp,
} from '../src/encode/json/kernel/layout'

/** The program, rows and timestamps of the message that is being written. A row is 0 if there is none. */
export let program: usize = 0
export let keyRow: usize = 0
export let afterRow: usize = 0
export let beforeRow: usize = 0
export let mvccStamp: u32 = 0
export let updatedStamp: u32 = 0

export function setMessage(by: usize, key: usize, after: usize, before: usize): void {
  program = by
  keyRow = key
  afterRow = after
  beforeRow = before
}

export function setStamps(mvcc: u32, updated: u32): void {
  mvccStamp = mvcc
  updatedStamp = updated
}

export function writeKey(o: usize): usize {
  return writeColumns(
    o,
    program + load<u32>(program, headKeySteps),
    load<u32>(program, headKeyCount),
    keyRow,
    CLOSE_LIST,
  )
}

function writeRow(o: usize, row: usize): usize {
  if (row == 0) {
    store<u32>(o, NULL_WORD)
    return o + 4
  }
  return writeColumns(
    o,
    program + load<u32>(program, headRowSteps),
    load<u32>(program, headRowCount),
    row,
    CLOSE_OBJECT,
  )
}

/** Writes what the message has as its value. */
export function writeValue(o: usize): usize {
  return writeParts(o, program + load<u32>(program, headValueSteps), load<u32>(program, headValueCount))
}

/** Values of the most common types that have at most 16 bytes are written here: a call costs as much as they do. */
function writeColumns(o: usize, steps: usize, count: u32, row: usize, close: u8): usize {
  for (const last = steps + count * stepBytes; steps < last; steps += stepBytes) {
    o = writePrefix(o, steps)
    const value = row + ((<usize>load<u16>(steps, stepColumn)) << 3)
    const start = load<usize>(value)
    const length = load<usize>(value, 4) - start
    const op = load<u8>(steps, stepOp)
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
      o = writeOther(o, steps, start, start + length)
      if (o == GIVEN_UP) return GIVEN_UP
    }
  }
  store<u8>(o, close)
  return o + 1
}

function writeOther(o: usize, step: usize, start: usize, end: usize): usize {
  const op = load<u8>(step, stepOp)
  if (op == opMeta) return writeParts(o, program + load<u32>(program, headMetaSteps), load<u32>(program, headMetaCount))
  if (start == NULL) {
    store<u32>(o, NULL_WORD)
    return o + 4
  }
  if (start == UNCHANGED) return GIVEN_UP
  if (op == opArray) return writeArray(o, start, end, load<u8>(step, stepElement), load<u8>(step, stepDelimiter))
  if (op == opKeyArray) return writeKeyArray(o, start, end, load<u8>(step, stepElement), load<u8>(step, stepDelimiter))
  return writeScalar(op, o, start, end)
}

/** Writes the text of a step. */
function writePrefix(o: usize, step: usize): usize {
  const text = program + load<u32>(step)
  const length: usize = load<u16>(step, stepLength)
  v128.store(o, v128.load(text))
  if (length > 16) copyBytes(o + 16, text + 16, length - 16)
  return o + length
}

function writeParts(o: usize, steps: usize, count: u32): usize {
  for (const last = steps + count * stepBytes; steps < last; steps += stepBytes) {
    o = writePrefix(o, steps)
    const op = load<u8>(steps, stepOp)
    if (op == opAfter) o = writeRow(o, afterRow)
    else if (op == opBefore) o = writeRow(o, beforeRow)
    else if (op == opKey) o = writeKey(o)
    else if (op == opMvcc || op == opUpdated) {
      o = writeStamp(o, op == opMvcc ? mvccStamp : updatedStamp)
      store<u8>(o++, QUOTE)
    }
    if (o == GIVEN_UP) return GIVEN_UP
  }
  return o
}

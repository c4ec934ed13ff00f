// Writes the value of a type that has no elements.

import { GIVEN_UP } from './bytes'
import { writeJson, writeJsonNotNull } from './json'
import { writeFloat, writeNumeric, writePlain } from './numbers'
import { writeBytea, writeQuoted, writeText } from './text'
import { writeBool, writeTimestamp, writeTimestamptz } from './times'
import {
  opBool,
  opBytea,
  opFloat,
  opJson,
  opJsonNotNull,
  opNumeric,
  opPlain,
  opQuoted,
  opText,
  opTimestamp,
  opTimestamptz,
} from '../src/encode/json/kernel/layout'

export function writeScalar(op: i32, o: usize, start: usize, end: usize): usize {
  switch (op) {
    case opPlain:
      return writePlain(o, start, end)
    case opText:
      return writeText(o, start, end)
    case opQuoted:
      return writeQuoted(o, start, end)
    case opTimestamptz:
      return writeTimestamptz(o, start, end)
    case opBool:
      return writeBool(o, start, end)
    case opNumeric:
      return writeNumeric(o, start, end)
    case opFloat:
      return writeFloat(o, start, end)
    case opJson:
      return writeJson(o, start, end)
    case opJsonNotNull:
      return writeJsonNotNull(o, start, end)
    case opTimestamp:
      return writeTimestamp(o, start, end)
    case opBytea:
      return writeBytea(o, start, end)
    default:
      return GIVEN_UP
  }
}

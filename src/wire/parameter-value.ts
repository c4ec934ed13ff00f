// The text of a parameter of a Bind message. Drivers send numbers in binary format if they know the type; the types of
// text have the same bytes in both formats.
//
//   bool  u8      int2 i16   int4 i32   int8 i64   oid u32      float4, float8  IEEE 754
//   uuid  16 bytes           jsonb u8 version = 1, text         bytea  the bytes

import { FeedError } from '../errors/feed-error.ts'
import { typeOids } from './type-oids.ts'

const textTypes: ReadonlySet<number> = new Set([
  0,
  typeOids.char,
  typeOids.name,
  typeOids.text,
  typeOids.json,
  typeOids.xml,
  typeOids.unknown,
  typeOids.bpchar,
  typeOids.varchar,
])

export function parameterText(typeOid: number, format: number, bytes: Buffer | null): string | null {
  if (bytes === null) return null
  if (format === 0 || textTypes.has(typeOid)) return bytes.toString('utf8')
  const read = binary[typeOid]
  if (read === undefined) {
    throw new FeedError('FEED_UNSUPPORTED', `a parameter of type ${typeOid} cannot be read in binary format`, {
      hint: 'send it as text',
    })
  }
  if (read.bytes !== undefined && read.bytes !== bytes.length) {
    throw new FeedError('FEED_PROTOCOL', 'incorrect binary data format in bind parameter', { sqlstate: '22P03' })
  }
  return read.text(bytes)
}

interface Binary {
  /** The length of the binary format; undefined if it varies. */
  readonly bytes: number | undefined
  text(bytes: Buffer): string
}

const binary: Readonly<Record<number, Binary>> = {
  [typeOids.bool]: { bytes: 1, text: (bytes) => (bytes[0] === 0 ? 'false' : 'true') },
  [typeOids.bytea]: { bytes: undefined, text: (bytes) => `\\x${bytes.toString('hex')}` },
  [typeOids.int8]: { bytes: 8, text: (bytes) => String(bytes.readBigInt64BE()) },
  [typeOids.int2]: { bytes: 2, text: (bytes) => String(bytes.readInt16BE()) },
  [typeOids.int4]: { bytes: 4, text: (bytes) => String(bytes.readInt32BE()) },
  [typeOids.oid]: { bytes: 4, text: (bytes) => String(bytes.readUInt32BE()) },
  [typeOids.float4]: { bytes: 4, text: (bytes) => floatText(bytes.readFloatBE()) },
  [typeOids.float8]: { bytes: 8, text: (bytes) => floatText(bytes.readDoubleBE()) },
  [typeOids.uuid]: {
    bytes: 16,
    text: (bytes) => bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
  },
  [typeOids.jsonb]: { bytes: undefined, text: (bytes) => bytes.toString('utf8', 1) },
}

function floatText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

// Values of results in binary format, made of their text as PostgreSQL prints it with DateStyle ISO.
//
//   int8 i64      float4  IEEE 754      timestamp  i64 microseconds since 2000-01-01      text  the bytes

import { FeedError } from '../errors/feed-error.ts'
import { typeOids } from './type-oids.ts'

const epochMs = Date.UTC(2000, 0, 1)
const timestampPattern = /^(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?$/

export function binaryValue(typeOid: number, text: string): Buffer {
  switch (typeOid) {
    case typeOids.text:
      return Buffer.from(text)
    case typeOids.int8:
      return int8(BigInt(text))
    case typeOids.float4: {
      const bytes = Buffer.alloc(4)
      bytes.writeFloatBE(Number(text))
      return bytes
    }
    case typeOids.timestamp: {
      const [, day, time, fraction = ''] = timestampPattern.exec(text) ?? []
      if (day === undefined) break
      const seconds = BigInt(Date.parse(`${day}T${time}Z`) - epochMs) * 1000n
      return int8(seconds + BigInt(fraction.padEnd(6, '0')))
    }
    default:
  }
  throw new FeedError('FEED_BUG', `a value of type ${typeOid} has no binary format here`)
}

function int8(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return bytes
}

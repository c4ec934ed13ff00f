// Relation: 'R' u32 relation, cstring namespace ("" is pg_catalog), cstring name, u8 replica identity, u16 columns,
// per column: u8 flags (1: part of the identity), cstring name, u32 type, i32 type modifier

import { FeedError } from '../../errors/feed-error.ts'

export interface RelationMessage {
  readonly relid: number
  readonly schema: string
  readonly name: string
  /** pg_class.relreplident. */
  readonly identity: 'd' | 'n' | 'f' | 'i'
  readonly columns: readonly WireColumn[]
}

export interface WireColumn {
  readonly name: string
  readonly typeOid: number
  readonly typmod: number
  readonly isKey: boolean
}

export function readRelation(bytes: Buffer, at: number, end: number): RelationMessage {
  let next = at + 5
  const need = (n: number): void => {
    if (next + n > end) throw new FeedError('FEED_DECODE', 'a relation message is cut off')
  }
  const text = (): string => {
    const zero = bytes.indexOf(0, next)
    if (zero < 0 || zero >= end) throw new FeedError('FEED_DECODE', 'a relation message is cut off')
    const value = bytes.toString('utf8', next, zero)
    next = zero + 1
    return value
  }
  need(0)
  const relid = bytes.readUInt32BE(at + 1)
  const schema = text()
  const name = text()
  need(3)
  const identity = String.fromCharCode(bytes[next] as number)
  if (!isIdentity(identity)) throw new FeedError('FEED_DECODE', `unknown replica identity of relation "${name}"`)
  const count = bytes.readUInt16BE(next + 1)
  next += 3
  const columns: WireColumn[] = []
  for (let i = 0; i < count; i++) {
    need(1)
    const isKey = ((bytes[next++] as number) & 1) === 1
    const columnName = text()
    need(8)
    columns.push({ name: columnName, isKey, typeOid: bytes.readUInt32BE(next), typmod: bytes.readInt32BE(next + 4) })
    next += 8
  }
  if (next !== end) throw new FeedError('FEED_DECODE', `bytes are left over behind the description of "${name}"`)
  return { relid, schema: schema === '' ? 'pg_catalog' : schema, name, identity, columns }
}

function isIdentity(letter: string): letter is RelationMessage['identity'] {
  return letter.length === 1 && 'dnfi'.includes(letter)
}

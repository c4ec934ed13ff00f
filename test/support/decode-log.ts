// For tests: the rows of a changelog, decoded as a feed decodes them.

import { ByteWriter } from '../../src/bytes/byte-writer.ts'
import type { LogHead } from '../../src/changelog/files/log-head.ts'
import { openChangelog } from '../../src/changelog/open-changelog.ts'
import { isRow, lengthBytes, readGap, record, recordEnd, relationOf, xidOf } from '../../src/changelog/records.ts'
import type { RelationSchema } from '../../src/core/relation.ts'
import { kind, RowView } from '../../src/core/row-view.ts'
import { readInsert } from '../../src/decode/pgoutput/insert.ts'
import { readUpdate } from '../../src/decode/pgoutput/update.ts'
import { SchemaHistory } from '../../src/decode/schema-history.ts'
import { ValueWriters } from '../../src/encode/json/value-writer.ts'

export type Decoded =
  | {
      readonly tag: 'row'
      readonly relid: number
      readonly name: string
      readonly xid: number
      readonly key: readonly string[]
      /** The partitioned tables that it is a row of. */
      readonly ancestors: readonly number[]
      readonly row: Readonly<Record<string, unknown>>
    }
  | { readonly tag: 'gap'; readonly relids: readonly number[] | undefined; readonly reason: string }
  | { readonly tag: 'undecoded'; readonly relid: number; readonly why: string }
  | {
      readonly tag: 'described'
      readonly relid: number
      readonly dropped: boolean
      readonly attached: number | undefined
    }

/** Inserts and updates; an unchanged value that was not logged is left out. */
export function decodeLog(dir: string, head: LogHead): Decoded[] {
  const found: Decoded[] = []
  const schemas = new SchemaHistory()
  const writers = new ValueWriters()
  const log = openChangelog({ tag: 'files', dir, shared: head.shared })
  using reader = log.readFrom(log.status.tail)
  let xid = 0
  for (let block = reader.next(); block !== undefined; block = reader.next()) {
    const payload = block.payload()
    for (let at = 0; at < payload.length;) {
      const start = at + lengthBytes
      at = recordEnd(payload, start)
      const tag = payload[start] as number
      if (tag === record.begin) xid = xidOf(payload, start)
      const gap = readGap(payload, start, at)
      if (gap !== undefined) found.push({ tag: 'gap', ...gap })
      else if (tag === record.schema || tag === record.relation) {
        const relid = schemas.apply(payload, start, at)
        if (relid !== undefined && tag === record.schema) {
          const { dropped, attached } = schemas.description(relid) ?? {}
          found.push({ tag: 'described', relid, dropped: dropped === true, attached })
        }
      } else if (isRow(tag) && tag !== record.delete) {
        const relid = relationOf(payload, start)
        try {
          found.push({ tag: 'row', relid, xid, ...decode(payload, start, at, { schemas, writers }) })
        } catch (error) {
          const text = payload.toString('utf8', start, at).replaceAll(/[^ -~]+/g, ' ')
          const known = JSON.stringify(schemas.description(relid)?.catalogue?.types)
          found.push({ tag: 'undecoded', relid, why: `${String(error)}: ${text} of transaction ${xid} with ${known}` })
        }
      }
    }
  }
  return found
}

function decode(
  payload: Buffer,
  start: number,
  end: number,
  { schemas, writers }: { schemas: SchemaHistory; writers: ValueWriters },
): { name: string; key: string[]; ancestors: readonly number[]; row: Record<string, unknown> } {
  const schema = schemas.relation(relationOf(payload, start))
  if (schema === undefined) throw new Error('no schema')
  const row = new RowView()
  if (payload[start] === record.insert) readInsert(payload, start, end, schema, row)
  else readUpdate(payload, start, end, schema, new RowView(), row)
  const key = schema.keyIndexes.map((index) => schema.columns[index]?.name ?? '?')
  if (schema.keyProblem !== undefined) throw new Error(schema.keyProblem)
  const { schema: of, name, ancestors = [] } = schema.description
  return { name: `${of}.${name}`, key, ancestors, row: valuesOf(row, schema, writers) }
}

function valuesOf(row: RowView, { columns }: RelationSchema, writers: ValueWriters): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const [i, { name, shape }] of columns.entries()) {
    if (row.kinds[i] === kind.unchanged) continue
    if (row.kinds[i] === kind.null) {
      values[name] = null
      continue
    }
    const out = new ByteWriter(1024)
    writers.of(shape)(row.bytes, row.starts[i] as number, row.ends[i] as number, out)
    values[name] = JSON.parse(out.buffer.toString('utf8', 0, out.length))
  }
  return values
}

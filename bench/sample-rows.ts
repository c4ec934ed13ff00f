// Rows for benchmarks of encoders, as the changelog and COPY have them, and what measures a pass over them.

import type { FeedSpec } from '../src/core/feed-spec.ts'
import type { RelationSchema } from '../src/core/relation.ts'
import type { ColumnDescription, TypeShape } from '../src/core/table.ts'
import { relationOfDescription } from '../src/decode/schema-history.ts'

export interface Sample {
  readonly name: string
  readonly columns: readonly (readonly [name: string, type: string])[]
  readonly row: (i: number) => readonly string[]
  readonly options?: Partial<FeedSpec>
}

const narrow: Sample['columns'] = [
  ['id', 'int8'],
  ['name', 'text'],
]
export const samples: readonly Sample[] = [
  { name: 'id, name', columns: narrow, row: (i) => [String(i), `name ${i}`] },
  { name: 'id, name, updated', columns: narrow, row: (i) => [String(i), `name ${i}`], options: { updated: true } },
  {
    name: 'id, 20 characters, int4, timestamptz',
    columns: [
      ['id', 'int8'],
      ['label', 'text'],
      ['amount', 'int4'],
      ['at', 'timestamptz'],
    ],
    row: (i) => [String(i), `label-${String(i).padStart(14, '0')}`, String(i % 1000), '2024-01-02 03:04:05.678901+00'],
  },
  {
    name: 'numeric, float8, bool, jsonb, text[]',
    columns: [
      ['id', 'int8'],
      ['price', 'numeric'],
      ['weight', 'float8'],
      ['ok', 'bool'],
      ['doc', 'jsonb'],
      ['tags', 'text[]'],
    ],
    row: (i) => [
      String(i),
      `${i}.50`,
      `${i}.25`,
      't',
      `{"b": ${i}, "aa": {"x": [1, 2, 3], "y": "text"}, "ccc": null}`,
      '{red,"dark blue",NULL}',
    ],
  },
]

export const rowsPerRound = Number(process.argv[2] ?? 1_000_000)
export const rowsPerBlock = 2000

/** Its values are written by the host of the kernel. */
export const compositeSample: Sample = {
  name: 'id, composite, 20 characters',
  columns: [
    ['id', 'int8'],
    ['at', 'point of interest'],
    ['label', 'text'],
  ],
  row: (i) => [String(i), `(${i},"a street",t)`, `label-${String(i).padStart(14, '0')}`],
}

const composites: Readonly<Record<string, TypeShape>> = {
  'point of interest': {
    tag: 'composite',
    fields: [
      { name: 'number', shape: { tag: 'scalar', name: 'int4' } },
      { name: 'street', shape: { tag: 'scalar', name: 'text' } },
      { name: 'open', shape: { tag: 'scalar', name: 'bool' } },
    ],
  },
}

/** A turn is short, so that the best one was not interrupted: then it took as much processor time as it lasted, which is counted too coarsely. */
const passesAtOnce = 5

/** Rows for each second, for each of the passes. They work by turns, and the best turn of each counts, because others may use the machine meanwhile. */
export function measure(passes: readonly (() => void)[]): number[] {
  const turns = Math.max(20, Math.round(rowsPerRound / rowsPerBlock / passesAtOnce))
  const best = passes.map(() => Infinity)
  for (let turn = 0; turn < turns; turn++) {
    for (const [i, pass] of passes.entries()) {
      const started = performance.now()
      for (let n = 0; n < passesAtOnce; n++) pass()
      best[i] = Math.min(best[i] as number, performance.now() - started)
    }
  }
  return best.map((ms) => (passesAtOnce * rowsPerBlock * 1000) / ms)
}

/** The type modifier of numeric(12,2). */
const numericTypmod = ((12 << 16) | 2) + 4

export function relationOf(columns: Sample['columns']): RelationSchema {
  const shapeOf = (type: string): TypeShape =>
    type.endsWith('[]')
      ? { tag: 'array', element: shapeOf(type.slice(0, -2)), delimiter: ',' }
      : (composites[type] ?? { tag: 'scalar', name: type })
  return relationOfDescription({
    relid: 1,
    database: 'd',
    schema: 'public',
    name: 't',
    columns: columns.map(([name, type], i): ColumnDescription => ({
      name,
      attnum: i + 1,
      typeOid: 0,
      typmod: type === 'numeric' ? numericTypmod : -1,
      typeName: type,
      shape: shapeOf(type),
      notNull: false,
      hasDefault: false,
      generated: false,
    })),
    primaryKey: ['id'],
    identity: 'd',
  })
}

/** Records as the changelog holds them: u32be length, then the message. */
export function insertRecords(rows: readonly (readonly string[])[]): Buffer {
  const records = rows.map((values) => {
    const parts = [Buffer.from([0x49, 0, 0, 0, 1, 0x4e, 0, values.length])]
    for (const value of values) {
      const head = Buffer.from([0x74, 0, 0, 0, 0])
      head.writeUInt32BE(Buffer.byteLength(value), 1)
      parts.push(head, Buffer.from(value))
    }
    const message = Buffer.concat(parts)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(message.length)
    return Buffer.concat([length, message])
  })
  return Buffer.concat(records)
}

export function copyLines(rows: readonly (readonly string[])[]): {
  readonly bytes: Buffer
  readonly borders: readonly number[]
} {
  const lines = rows.map((values) => Buffer.from(`${values.join('\t')}\n`))
  const borders = [0]
  for (const line of lines) borders.push((borders.at(-1) as number) + line.length)
  return { bytes: Buffer.concat(lines), borders }
}

/** The messages of COPY with these lines. */
export function copyMessages({ bytes, borders }: ReturnType<typeof copyLines>): Buffer {
  const parts = borders.slice(1).flatMap((end, i) => {
    const line = bytes.subarray(borders[i], end)
    const head = Buffer.from([0x64, 0, 0, 0, 0])
    head.writeInt32BE(4 + line.length, 1)
    return [head, line]
  })
  return Buffer.concat(parts)
}

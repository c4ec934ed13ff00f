// How fast rows become JSON: pgoutput inserts as they stand in the changelog, decoded and encoded (key and value), next
// to JavaScript objects and JSON.stringify over the same bytes, in the same run. Prints rows/s of one core and the ratio.
//
//   node bench/json.ts [rows per round]

import { recordEnd } from '../src/changelog/records.ts'
import { RowView } from '../src/core/row-view.ts'
import type { FeedSpec } from '../src/core/feed-spec.ts'
import { MessageBatch } from '../src/core/message-batch.ts'
import type { RelationSchema } from '../src/core/relation.ts'
import type { RowChange } from '../src/core/row-change.ts'
import type { TypeShape } from '../src/core/table.ts'
import { readCopyLine } from '../src/decode/copy-text.ts'
import { readInsert } from '../src/decode/pgoutput/insert.ts'
import { open as jsonEncoder } from '../src/encode/json/json-encoder.ts'
import { specOf } from '../test/support/spec-of.ts'

interface Sample {
  readonly name: string
  readonly columns: readonly (readonly [name: string, type: string])[]
  readonly row: (i: number) => readonly string[]
  readonly options?: Partial<FeedSpec>
}

const narrow: Sample['columns'] = [
  ['id', 'int8'],
  ['name', 'text'],
]
const samples: readonly Sample[] = [
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

const spec = specOf({ id: 'bench' })

const rowsPerRound = Number(process.argv[2] ?? 1_000_000)
const rowsPerBlock = 2000

for (const sample of samples) run(sample)

function run({ name, columns, row, options }: Sample): void {
  const relation = relationOf(columns)
  const rows = Array.from({ length: rowsPerBlock }, (_, i) => row(100_000 + i * 7))
  const log = insertRecords(rows)
  const copy = copyLines(rows)
  const encoder = jsonEncoder({ ...spec, ...options })
  const batch = new MessageBatch()
  const view = new RowView()
  const updated = Buffer.from('1700000000000000000.0000000000')
  const change: RowChange = {
    relation,
    topic: 0,
    key: view,
    after: view,
    before: undefined,
    updated,
    mvcc: updated,
    schema: 0,
  }
  const emit = (): void => {
    batch.begin(0)
    encoder.encodeKey(relation, view, batch.bytes)
    batch.endKey()
    batch.end(encoder.encodeValue(change, batch.bytes))
  }
  const fromLog = (): void => {
    batch.clear()
    for (let at = 4; at < log.length;) {
      const end = recordEnd(log, at)
      readInsert(log, at, end, relation, view)
      emit()
      at = end + 4
    }
  }
  const fromCopy = (): void => {
    batch.clear()
    for (let i = 0; i < copy.borders.length - 1; i++) {
      readCopyLine(copy.bytes, copy.borders[i] as number, copy.borders[i + 1] as number, relation, view)
      emit()
    }
  }
  const decodeOnly = (): void => {
    for (let at = 4; at < log.length;) {
      const end = recordEnd(log, at)
      readInsert(log, at, end, relation, view)
      at = end + 4
    }
  }
  const objects = (): void => stringifyRows(log, columns, options?.updated === true)
  const perSecond = [fromLog, fromCopy, decodeOnly, objects].map(measure)
  const [log_, copy_, decode_, objects_] = perSecond as [number, number, number, number]
  const million = (n: number): string => `${(n / 1e6).toFixed(2)} M rows/s`
  console.log(
    `${name}: pgoutput ${million(log_)}, COPY ${million(copy_)}, decoding alone ${million(decode_)}, objects ${million(objects_)}; ratio ${(log_ / objects_).toFixed(1)}`,
  )
}

/** The best of five rounds. */
function measure(pass: () => void): number {
  const passes = Math.max(1, Math.round(rowsPerRound / rowsPerBlock))
  let best = Infinity
  for (let round = 0; round < 5; round++) {
    const started = performance.now()
    for (let i = 0; i < passes; i++) pass()
    best = Math.min(best, performance.now() - started)
  }
  return (passes * rowsPerBlock * 1000) / best
}

function stringifyRows(log: Buffer, columns: Sample['columns'], updated: boolean): void {
  const messages: string[] = []
  for (let at = 4; at < log.length;) {
    const end = recordEnd(log, at)
    const after: Record<string, unknown> = {}
    let next = at + 8
    for (const [name, type] of columns) {
      const length = log.readUInt32BE(next + 1)
      const text = log.toString('utf8', next + 5, next + 5 + length)
      after[name] =
        type === 'int8' || type === 'int4' || type === 'float8'
          ? Number(text)
          : type === 'jsonb'
            ? JSON.parse(text)
            : text
      next += 5 + length
    }
    messages.push(
      JSON.stringify([after['id']]),
      JSON.stringify(updated ? { after, updated: '1700000000000000000.0000000000' } : { after }),
    )
    at = end + 4
  }
  if (messages.length === 0) throw new Error('nothing to print')
}

function relationOf(columns: Sample['columns']): RelationSchema {
  const shapeOf = (type: string): TypeShape =>
    type.endsWith('[]')
      ? { tag: 'array', element: shapeOf(type.slice(0, -2)), delimiter: ',' }
      : { tag: 'scalar', name: type }
  return {
    relid: 1,
    description: {
      relid: 1,
      database: 'd',
      schema: 'public',
      name: 't',
      columns: [],
      primaryKey: ['id'],
      identity: 'd',
    },
    columns: columns.map(([name, type]) => ({ name, shape: shapeOf(type) })),
    keyIndexes: [0],
    keyId: 1,
  }
}

/** Records as the changelog holds them: u32be length, then the message. */
function insertRecords(rows: readonly (readonly string[])[]): Buffer {
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

function copyLines(rows: readonly (readonly string[])[]): {
  readonly bytes: Buffer
  readonly borders: readonly number[]
} {
  const lines = rows.map((values) => Buffer.from(`${values.join('\t')}\n`))
  const borders = [0]
  for (const line of lines) borders.push((borders.at(-1) as number) + line.length)
  return { bytes: Buffer.concat(lines), borders }
}

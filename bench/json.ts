// How fast rows become JSON: pgoutput inserts as they stand in the changelog, decoded and encoded (key and value), next
// to JavaScript objects and JSON.stringify over the same bytes, in the same run. Prints rows for a second of processor time and the ratio.
//
//   node bench/json.ts [rows per round]

import { recordEnd } from '../src/changelog/records.ts'
import { CopyRun } from '../src/core/copy-run.ts'
import { RecordRun } from '../src/core/record-run.ts'
import { RowView } from '../src/core/row-view.ts'
import { MessageBatch } from '../src/core/message-batch.ts'
import type { RowChange } from '../src/core/row-change.ts'
import { readCopyLine } from '../src/decode/copy-text.ts'
import { readInsert } from '../src/decode/pgoutput/insert.ts'
import { open as jsonEncoder } from '../src/encode/json/json-encoder.ts'
import { specOf } from '../test/support/spec-of.ts'
import {
  compositeSample,
  copyLines,
  copyMessages,
  insertRecords,
  measure,
  relationOf,
  rowsPerBlock,
  samples,
  type Sample,
} from './sample-rows.ts'

const spec = specOf({ id: 'bench' })

for (const sample of [...samples, compositeSample]) bench(sample)

function bench({ name, columns, row, options }: Sample): void {
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
    committedMs: Number.NaN,
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
  const records = encoder.openRecords?.()
  const run = new RecordRun()
  const table = { relation, topic: 0, schema: 0 }
  const ts = { wall: 1_700_000_000_000_000_000n, logical: 0 }
  const tags = new Uint32Array(rowsPerBlock)
  const byKernel = (): void => {
    batch.clear()
    // What lists the records of a transaction (OffsetList) knows where they are.
    let count = 0
    for (let at = 4; at < log.length; at = recordEnd(log, at) + 4) tags[count++] = at
    for (let next = 0; next < count;) {
      next = run.addAll(log, tags, next, count, table, ts)
      if (records?.encode(run, 0, batch) !== run.count) throw new Error('the kernel left a record to the reference')
      run.clear()
    }
  }
  const fromCopy = (): void => {
    batch.clear()
    for (let i = 0; i < copy.borders.length - 1; i++) {
      readCopyLine(copy.bytes, copy.borders[i] as number, copy.borders[i + 1] as number, relation, view)
      emit()
    }
  }
  const copied = new CopyRun({ relation, sent: columns.length, commitTimes: false })
  const messages = copyMessages(copy)
  const copyByKernel = (): void => {
    batch.clear()
    copied.set(table, messages, messages.length)
    if (records?.encodeCopied(copied, 0, batch) !== messages.length)
      throw new Error('the kernel left a row to the reference')
  }
  const decodeOnly = (): void => {
    for (let at = 4; at < log.length;) {
      const end = recordEnd(log, at)
      readInsert(log, at, end, relation, view)
      at = end + 4
    }
  }
  const objects = (): void => stringifyRows(log, columns, options?.updated === true)
  const perSecond = measure([fromLog, byKernel, fromCopy, copyByKernel, decodeOnly, objects])
  const [log_ = 0, kernel_ = 0, copy_ = 0, copyKernel_ = 0, decode_ = 0, objects_ = 0] = perSecond
  const million = (n: number): string => `${(n / 1e6).toFixed(2)} M rows/s`
  console.log(
    `${name}: kernel ${million(kernel_)}, ${(kernel_ / log_).toFixed(1)} times the encoder in JavaScript, ${million(log_)}; of COPY ${million(copyKernel_)}, ${(copyKernel_ / copy_).toFixed(1)} times ${million(copy_)}; decoding alone ${million(decode_)}, objects ${million(objects_)}; ratio ${(log_ / objects_).toFixed(1)}`,
  )
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

// How fast rows become Avro: pgoutput inserts as they stand in the changelog, decoded and encoded (key and value), next to the
// JSON encoder over the same bytes, in the same run. Prints rows/s of one core and the ratio.
//
//   node bench/avro.ts [rows per round]

import { recordEnd } from '../src/changelog/records.ts'
import { MessageBatch } from '../src/core/message-batch.ts'
import type { RowChange } from '../src/core/row-change.ts'
import { RowView } from '../src/core/row-view.ts'
import { readInsert } from '../src/decode/pgoutput/insert.ts'
import { AvroEncoder } from '../src/encode/avro/avro-encoder.ts'
import type { Encoder } from '../src/encode/encoder.ts'
import { open as jsonEncoder } from '../src/encode/json/json-encoder.ts'
import { MemoryRegistry } from '../test/support/memory-registry.ts'
import { specOf } from '../test/support/spec-of.ts'
import { insertRecords, measure, relationOf, rowsPerBlock, samples, type Sample } from './sample-rows.ts'

for (const sample of samples) run(sample)

function run({ name, columns, row, options }: Sample): void {
  const relation = relationOf(columns)
  const log = insertRecords(Array.from({ length: rowsPerBlock }, (_, i) => row(100_000 + i * 7)))
  const view = new RowView()
  const updated = Buffer.from('1700000000000000000.0000000000')
  const passOf = (encoder: Encoder): (() => void) => {
    const schema = encoder.prepare(relation, 0) as number
    const batch = new MessageBatch()
    const change: RowChange = {
      relation,
      topic: 0,
      key: view,
      after: view,
      before: undefined,
      updated,
      mvcc: updated,
      committedMs: Number.NaN,
      schema,
    }
    return () => {
      batch.clear()
      for (let at = 4; at < log.length;) {
        const end = recordEnd(log, at)
        readInsert(log, at, end, relation, view)
        batch.begin(0, schema)
        encoder.encodeKey(relation, view, batch.bytes)
        batch.endKey()
        batch.end(encoder.encodeValue(change, batch.bytes))
        at = end + 4
      }
    }
  }
  const spec = specOf({ id: 'bench', ...options })
  const encoders: readonly Encoder[] = [new AvroEncoder(spec, new MemoryRegistry()), jsonEncoder(spec)]
  const [avro = 0, json = 1] = measure(encoders.map(passOf))
  const million = (n: number): string => `${(n / 1e6).toFixed(2)} M rows/s`
  console.log(`${name}: Avro ${million(avro)}, JSON ${million(json)}; ratio ${(avro / json).toFixed(2)}`)
}

import assert from 'node:assert/strict'
import test from 'node:test'
import type { TableDescription } from '../../core/table.ts'
import { Descriptions } from './descriptions.ts'
import { TableReadings } from './table-readings.ts'

test('rows that were passed over before a restart end the feeds of the partitioned table if their partition is dropped', () => {
  const passedOver: TableDescription = {
    relid: 2,
    database: 'd',
    schema: 'public',
    name: 'p',
    columns: [],
    primaryKey: [],
    identity: 'd',
    owedTo: [1],
  }
  const written: TableDescription[] = []
  const ended: (readonly number[])[] = []
  const descriptions = new Descriptions({
    readings: new TableReadings(),
    described: () => Buffer.from(JSON.stringify(passedOver)),
    describe: (_, json) => written.push(JSON.parse(json.toString()) as TableDescription),
    end: (relids) => ended.push(relids),
  })
  descriptions.drop(descriptions.table(2), { table: undefined, since: 10, until: 5 })
  assert.deepEqual(ended, [[1]])
  assert.deepEqual(
    written.map(({ dropped, owedTo }) => ({ dropped, owedTo })),
    [{ dropped: true, owedTo: undefined }],
  )
})

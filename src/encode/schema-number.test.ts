import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TableLook, textColumn } from '../../test/support/written-log.ts'
import type { TypeShape } from '../core/table.ts'
import { relationOfDescription } from '../decode/schema-history.ts'
import { schemaNumber } from './schema-number.ts'

const table = new TableLook()

/** The number of a table with a column of that name and type. */
function numberOf(name: string, shape: TypeShape, typeName = 'public.pair'): number {
  const column = { ...textColumn(name, 3), typeName, shape }
  return schemaNumber(relationOfDescription(new TableLook({ columns: [...table.columns, column] }).description))
}

test('the number of a schema is that of its names and types, also of the attributes of composite types', () => {
  const field = (name: string): { name: string; shape: TypeShape } => ({ name, shape: { tag: 'scalar', name: 'int4' } })
  const pair: TypeShape = { tag: 'composite', fields: [field('a'), field('b')] }
  const triple: TypeShape = { tag: 'composite', fields: [field('a'), field('b'), field('c')] }
  const arrayOf = (element: TypeShape): TypeShape => ({ tag: 'array', element, delimiter: ',' })
  assert.equal(numberOf('v', pair), numberOf('v', pair))
  const numbers = [
    schemaNumber(relationOfDescription(table.description)),
    numberOf('v', pair),
    numberOf('w', pair),
    numberOf('v', triple),
    numberOf('v', arrayOf(pair)),
    numberOf('v', arrayOf(triple)),
    numberOf('v', { tag: 'enum' }),
  ]
  assert.equal(new Set(numbers).size, numbers.length)
})

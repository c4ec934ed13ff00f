// Random tables, their rows, and the options of a changefeed for them.

import type { FeedSpec } from '../../src/core/feed-spec.ts'
import type { ColumnDescription, TableDescription, TypeShape } from '../../src/core/table.ts'
import { specOf } from '../support/spec-of.ts'
import type { Chance } from './chance.ts'
import { randomShape, randomValue } from './random-values.ts'

const names = [
  'a',
  'id',
  'B',
  'é"',
  'a name that is longer than sixteen bytes',
  'x\\y',
  'Z',
  '__crdb__',
  'c1',
  'c2',
  'c3',
]
const keyShapes: readonly TypeShape[] = ['int8', 'text', 'uuid', 'timestamptz', 'jsonb'].map((name) => ({
  tag: 'scalar',
  name,
}))

export function randomTable(chance: Chance, relid: number): TableDescription {
  const used = [...names].sort(() => chance.below(3) - 1).slice(0, 1 + chance.below(names.length - 1))
  const keys = Math.min(used.length, chance.isOneIn(4) ? 2 : 1)
  const shapeAt = (i: number): TypeShape =>
    i >= keys || chance.isOneIn(10) ? randomShape(chance) : chance.pick(keyShapes)
  const columns = used.map((name, i): ColumnDescription => ({
    name,
    attnum: i + 1,
    typeOid: 0,
    typmod: -1,
    typeName: '',
    shape: shapeAt(i),
    notNull: i < keys,
    hasDefault: false,
    generated: false,
  }))
  const primaryKey = used.slice(0, keys)
  return { relid, database: 'd', schema: 'public', name: `t${relid}`, columns, primaryKey, identity: 'f' }
}

export function randomSpec(chance: Chance, tables: readonly TableDescription[]): FeedSpec {
  const coin = (): boolean => chance.isOneIn(2)
  const targets = tables.map(({ relid, name }) => ({ relid, topic: chance.pick([name, 'tö"pic']), tableName: name }))
  const envelope = chance.pick(['wrapped', 'wrapped', 'wrapped', 'row', 'key_only'] as const)
  const spec = { targets, envelope, updated: coin(), mvccTimestamp: coin(), encodeJsonNullAsObject: coin() }
  if (envelope !== 'wrapped') return specOf(spec)
  return specOf({ ...spec, diff: coin(), keyInValue: coin(), topicInValue: coin() })
}

/** Null is NULL. Only with `mayFail` there are values for which the reference has an error. */
export function randomRow(
  { columns, primaryKey }: TableDescription,
  chance: Chance,
  mayFail: boolean,
): (Buffer | null)[] {
  return columns.map(({ shape }, i) =>
    i >= primaryKey.length && chance.isOneIn(6) ? null : randomValue(shape, chance, mayFail && chance.isOneIn(20)),
  )
}

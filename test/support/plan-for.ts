// For tests of plans: a statement planned against a catalogue that holds a table and a view.

import assert from 'node:assert/strict'
import type { Hlc } from '../../src/core/hlc.ts'
import type { TargetFacts } from '../../src/plan/catalogue.ts'
import { closePlan, openPlan, type Plan } from '../../src/plan/plan.ts'
import { parseOne } from './parse-one.ts'

const someTime: Hlc = { wall: 2_000_000_000_000_000_000n, logical: 0 }

const table: TargetFacts = {
  tag: 'table',
  database: 'd',
  schema: 'public',
  name: 't',
  relid: 1,
  kind: 'r',
  persistence: 'p',
  identity: 'f',
  primaryKey: ['a'],
  keyless: null,
  keyIsIdentity: false,
  usableIndex: null,
  publishesGenerated: true,
  takesAnyBytes: false,
  tracksCommits: true,
  isInherited: false,
  partitions: null,
  deferrableKey: false,
  outOfLine: false,
  columns: [{ name: 'a', type: 'bigint', fullType: 'bigint', generated: '' }],
  mayRead: true,
  mayUseSchema: true,
  readableColumns: null,
  rowSecurity: false,
}

export interface World {
  /** The time of the statement. */
  readonly now?: Hlc
  readonly isEnabled?: boolean
  readonly mayUseScope?: boolean
  readonly showsScopes?: boolean
  readonly parameters?: readonly (string | null)[]
  /** A column that `t` has beside `a`. */
  readonly column?: string
}

/** `t`, `d.f`, `foo` and names with `!` are tables, `vw` is a view, and there is nothing else. */
export function planFor(
  sql: string,
  { isEnabled = true, mayUseScope = true, showsScopes = true, parameters = [], now = someTime, column }: World = {},
): Plan {
  const statement = parseOne(sql)
  assert.ok(statement?.tag === 'create-changefeed', sql)
  const opening = openPlan(statement, {
    id: 'x',
    parameters,
    now,
    database: 'd',
    user: 'root',
    creator: { isAdmin: true, mayCreate: true, hasTable: () => true },
    prerequisites: { featureEnabled: true, rangefeedEnabled: isEnabled },
    mayUseScope: () => mayUseScope,
    showsScopes,
    makesKeys: true,
    systemDatabase: 'system',
    rowFormats: ['hex', 'hex', 'hex'],
  })
  return closePlan(opening, {
    openWrites: false,
    targets: statement.targets.map(({ text }) => {
      if (text === 'foo' || text.includes('!')) return { ...table, relid: 3, name: text.replaceAll('"', '') }
      if (text === 't' && column !== undefined) return withColumn(column)
      if (['t', 'd.f'].includes(text)) return table
      return text === 'vw' ? { ...table, relid: 2, name: 'vw', kind: 'v' } : { tag: 'no-table' }
    }),
  })
}

function withColumn(name: string): TargetFacts {
  const [first] = table.columns
  return { ...table, columns: [...table.columns, ...(first === undefined ? [] : [{ ...first, name }])] }
}

// The options of a run, by its seed: any three seeds in a row have each of the flags on and off; the policies and what is a
// schema change take turns that do not keep step with them.

import type { SchemaOptions } from '../validators/backfill.ts'

export interface RunOptions {
  readonly full_table_name: boolean
  readonly diff: boolean
  readonly mvcc_timestamp: boolean
  readonly key_in_value: boolean
}

export function optionsOf(seed: number): RunOptions {
  return {
    full_table_name: seed % 2 === 0,
    diff: seed % 3 !== 2,
    mvcc_timestamp: seed % 2 === 1,
    key_in_value: seed % 3 !== 1,
  }
}

const policies = ['backfill', 'stop', 'nobackfill', 'backfill', 'ignore', 'backfill', 'stop'] as const

export function schemaOptionsOf(seed: number): SchemaOptions {
  return {
    policy: policies[(seed - 1) % policies.length] ?? 'backfill',
    events: seed % 5 < 3 ? 'default' : 'column_changes',
  }
}

/** Whether the changelog has all old values of `foo`. */
export function isFull(seed: number): boolean {
  return seed % 4 < 2
}

/** The options of the statement, without those that are as they would be anyway now and then. */
export function optionTexts(seed: number): readonly string[] {
  const { policy, events } = schemaOptionsOf(seed)
  return [
    ...Object.entries(optionsOf(seed)).flatMap(([name, isOn]) => (isOn ? [name] : [])),
    ...(policy === 'backfill' && seed % 2 === 1 ? [] : [`schema_change_policy = '${policy}'`]),
    ...(events === 'default' && seed % 2 === 1 ? [] : [`schema_change_events = '${events}'`]),
  ]
}

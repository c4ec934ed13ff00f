// The options of a run, by its seed: any three seeds in a row have each of them on and off.

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

// The contents of the benches of backlogs: narrow rows in large transactions and in transactions of one.
//
// BENCH_LOADS: rows/rows per transaction, with commas between; by default 1000000/1000,300000/1.

import type { RawConnection } from '../src/postgres/raw-connection.ts'

export interface Load {
  readonly rows: number
  readonly batch: number
}

export const loads: readonly Load[] = (process.env['BENCH_LOADS'] ?? '1000000/1000,300000/1').split(',').map((load) => {
  const [rows, batch] = load.split('/').map(Number)
  if (!Number.isInteger(rows) || !Number.isInteger(batch))
    throw new Error(`BENCH_LOADS wants rows/rows per transaction, not ${load}`)
  return { rows: rows as number, batch: batch as number }
})

export async function createNarrow(control: RawConnection): Promise<void> {
  await control.query('CREATE TABLE public.narrow (id int8 PRIMARY KEY, n int8, name varchar(20))')
}

export async function writeNarrow(control: RawConnection, { rows, batch }: Load): Promise<void> {
  const write = `INSERT INTO public.narrow SELECT i, i * 7, 'name ' || i FROM generate_series`
  if (batch === 1) {
    await control.query('SET synchronous_commit = off')
    await control.query(`DO $$ BEGIN FOR n IN 1..${rows} LOOP ${write}(n, n) i; COMMIT; END LOOP; END $$`)
    await control.query('SET synchronous_commit = on')
  } else {
    for (let id = 1; id <= rows; id += batch)
      await control.query(`${write}(${id}, ${Math.min(rows, id + batch - 1)}) i`)
  }
  await control.query('CHECKPOINT')
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sent } from '../../../test/support/read-dialect.ts'
import type { RowidFacts } from './table-facts.ts'

const facts = {
  '"t"': { columns: ['a', 'B"', 'rowid'], primaryKey: ['rowid'], implicitKey: true, rowid: rowid('t_pkey') },
  '"s"."t"': { columns: ['rowid'], primaryKey: ['rowid'], implicitKey: true, rowid: rowid('t_pkey') },
  '"k"': { columns: ['id', 'a'], primaryKey: ['id'], implicitKey: false, rowid: null },
  '"leaf"': { columns: ['a', 'rowid'], primaryKey: ['rowid'], implicitKey: true, rowid: rowid('leaf_pkey', true) },
  '"root"': { columns: ['a', 'rowid'], primaryKey: [], implicitKey: false, rowid: rowid(null) },
  '"middle"': { columns: ['a', 'rowid'], primaryKey: [], implicitKey: false, rowid: rowid(null, true) },
}

function rowid(constraint: string | null, isInherited = false): RowidFacts {
  return { column: 'rowid', constraint, isInherited }
}

async function check(table: readonly (readonly [string, string])[]): Promise<void> {
  for (const [typed, expected] of table) assert.equal(await sent(typed, facts), expected)
}

test('COPY of a table whose key we made, in or out, names the other columns', async () => {
  await check([
    ['COPY t FROM STDIN', 'COPY t ("a", "B""") FROM STDIN'],
    ['COPY "t" /* c */ FROM STDIN (FORMAT csv)', 'COPY "t" ("a", "B""") /* c */ FROM STDIN (FORMAT csv)'],
    ["COPY t FROM STDIN WHERE a::STRING = 'é'", `COPY t ("a", "B""") FROM STDIN WHERE a::text = 'é'`],
    ['COPY s.t FROM STDIN', 'COPY s.t FROM STDIN'],
    ['COPY k FROM STDIN', 'COPY k FROM STDIN'],
    ['COPY nosuch FROM STDIN', 'COPY nosuch FROM STDIN'],
    ['COPY t (a) FROM STDIN', 'COPY t (a) FROM STDIN'],
    ['COPY t TO STDOUT', 'COPY t ("a", "B""") TO STDOUT'],
    ['COPY s.t TO STDOUT', 'COPY s.t TO STDOUT'],
    ['COPY k TO STDOUT', 'COPY k TO STDOUT'],
    ['COPY t (rowid) TO STDOUT', 'COPY t (rowid) TO STDOUT'],
    ['COPY (SELECT 1) TO STDOUT', 'COPY (SELECT 1) TO STDOUT'],
  ])
})

test('a primary key takes the place of the one that we made', async () => {
  await check([
    ['ALTER TABLE t ADD PRIMARY KEY (a)', 'ALTER TABLE t DROP COLUMN "rowid", ADD PRIMARY KEY (a)'],
    [
      'ALTER TABLE ONLY t ADD CONSTRAINT p PRIMARY KEY (a)',
      'ALTER TABLE ONLY t DROP COLUMN "rowid", ADD CONSTRAINT p PRIMARY KEY (a)',
    ],
    [
      'ALTER TABLE IF EXISTS t * ADD COLUMN é STRING, ADD PRIMARY KEY (a)',
      'ALTER TABLE IF EXISTS t * DROP COLUMN "rowid", ADD COLUMN é text, ADD PRIMARY KEY (a)',
    ],
    [
      'ALTER TABLE t ADD COLUMN id INT PRIMARY KEY',
      'ALTER TABLE t DROP COLUMN "rowid", ADD COLUMN id int8 PRIMARY KEY',
    ],
    ['ALTER TABLE root ADD PRIMARY KEY (a)', 'ALTER TABLE root DROP COLUMN "rowid", ADD PRIMARY KEY (a)'],
    ['ALTER TABLE leaf ADD PRIMARY KEY (a)', 'ALTER TABLE leaf DROP CONSTRAINT "leaf_pkey", ADD PRIMARY KEY (a)'],
    ['ALTER TABLE middle ADD PRIMARY KEY (a)', 'ALTER TABLE middle ADD PRIMARY KEY (a)'],
    ['ALTER TABLE k ADD PRIMARY KEY (a)', 'ALTER TABLE k ADD PRIMARY KEY (a)'],
    ['ALTER TABLE k ADD a STRING, ADD PRIMARY KEY (a)', 'ALTER TABLE k ADD a text, ADD PRIMARY KEY (a)'],
    ['ALTER TABLE nosuch ADD PRIMARY KEY (a)', 'ALTER TABLE nosuch ADD PRIMARY KEY (a)'],
    // Whoever drops it themselves has done so.
    ['ALTER TABLE t DROP COLUMN rowid, ADD PRIMARY KEY (a)', 'ALTER TABLE t DROP COLUMN rowid, ADD PRIMARY KEY (a)'],
    [
      'ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (a)',
      'ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (a)',
    ],
    ['ALTER TABLE t DROP COLUMN "primary key"', 'ALTER TABLE t DROP COLUMN "primary key"'],
  ])
})

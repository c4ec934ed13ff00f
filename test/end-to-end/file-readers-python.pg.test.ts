// Files of a changefeed as pyarrow reads them: a table in Parquet, and lines of JSON.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { TestJob } from '../feed/test-job.ts'
import { TestServer } from '../server/test-server.ts'
import { installPackages } from '../services/python/python.ts'
import { namesIn } from '../support/read-folder.ts'

const program = `
import json, sys
from pyarrow import parquet, json as lines
folder, names = sys.argv[1], sys.argv[2:]
for name in names:
    table = parquet.read_table(f'{folder}/{name}') if name.endswith('.parquet') else lines.read_json(f'{folder}/{name}')
    print(json.dumps({'schema': [[f.name, str(f.type)] for f in table.schema], 'rows': table.to_pylist()}, default=str))
`

test('pyarrow reads Parquet with its types, and lines of JSON', { timeout: 600_000 }, async (t) => {
  await using packages = installPackages(['pyarrow==26.0.1'])
  if (packages.missing !== undefined) return t.skip(`no pyarrow here: ${packages.missing}`)
  await using server = await TestServer.start()
  await server.sql(`CREATE TABLE read (id INT8 PRIMARY KEY, small INT2, half FLOAT8, yes BOOL, name STRING, list INT8[]);
    INSERT INTO read VALUES (1, -5, 0.5, true, 'é', '{1,NULL}'), (2, NULL, NULL, NULL, NULL, NULL)`)
  const read = async (path: string, options: string): Promise<{ schema: unknown; rows: unknown }> => {
    const [created] = await server.sql(
      `CREATE CHANGEFEED FOR read INTO 'nodelocal://1/${path}' WITH initial_scan = 'only'${options}`,
    )
    await new TestJob(server, String(created?.['job_id'])).reaches('succeeded')
    const folder = join(server.storeDir, 'extern', path)
    const { stdout, stderr } = spawnSync('python3', ['-c', program, folder, ...namesIn(folder)], {
      encoding: 'utf8',
      env: { ...process.env, PYTHONPATH: packages.dir },
    })
    assert.equal(stderr, '')
    return JSON.parse(stdout) as { schema: unknown; rows: unknown }
  }
  assert.deepEqual(await read('parquet', `, format = parquet, compression = 'zstd'`), {
    schema: [
      ['id', 'int64'],
      ['small', 'int32'],
      ['half', 'double'],
      ['yes', 'bool'],
      ['name', 'string'],
      ['list', 'list<element: int64>'],
      ['__crdb__event_type', 'string'],
    ],
    rows: [
      { id: 1, small: -5, half: 0.5, yes: true, name: 'é', list: [1, null], __crdb__event_type: 'c' },
      { id: 2, small: null, half: null, yes: null, name: null, list: null, __crdb__event_type: 'c' },
    ],
  })
  const { rows } = await read('lines', '')
  assert.deepEqual(
    (rows as { key: unknown }[]).map(({ key }) => key),
    [[1], [2]],
  )
})

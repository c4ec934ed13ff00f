// `changefeed debug log` beside a server that writes the log.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { program } from '../../../test/server/program.ts'
import { TestServer } from '../../../test/server/test-server.ts'
import { until } from '../../../test/support/until.ts'

test('beside a running server the durable part of its log is printed, and the server does not notice', async () => {
  await using server = await TestServer.start()
  await server.sql('CREATE TABLE rides (id INT PRIMARY KEY, city TEXT)')
  const [job] = await server.sql("CREATE CHANGEFEED FOR rides INTO 'null://'")
  await server.sql("INSERT INTO rides VALUES (1, 'rome'), (2, 'oslo')")
  const print = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await program(['debug', 'log', `--store=${server.storeDir}`, ...args])
    assert.deepEqual([code, stderr], [0, ''])
    return stdout
  }
  const text = await until('the rows are in the log', 20_000, async () => {
    const printed = await print('defaultdb')
    return printed.includes('insert') ? printed : undefined
  })
  assert.equal(text.match(/^ {4}insert {4}public\.rides {2}\d+ bytes$/gm)?.length, 2)
  assert.match(text, /^ {4}schema {4}public\.rides {2}columns id, city, primary key \(id\)$/m)
  assert.doesNotMatch(text, /rome|may not be durable/)
  assert.match(
    text,
    new RegExp(`^end of the log at position \\d+\na server, process ${server.pid}, continues to write it$`, 'm'),
  )
  assert.match(await print('--values', '--table=rides'), /insert .* id="2" city="oslo"$/m)
  const [{ status } = {}] = await server.sql(`SELECT status FROM [SHOW JOB ${String(job?.['job_id'])}]`)
  assert.equal(status, 'running')
})

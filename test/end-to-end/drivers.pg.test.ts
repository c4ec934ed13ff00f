// Drivers of Python read a changefeed while another connection writes, leave it in the middle, and go on with the
// connection.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { TestServer } from '../server/test-server.ts'
import { installPackages } from '../services/python/python.ts'

test('psycopg, asyncpg and SQLAlchemy read five rows, leave the changefeed, and use the connection again', async (context) => {
  await using packages = installPackages(['psycopg[binary]', 'asyncpg', 'SQLAlchemy>=2', 'greenlet'])
  if (packages.missing !== undefined) {
    context.skip(packages.missing)
    return
  }
  await using server = await TestServer.start()
  const program = fileURLToPath(new URL('../services/python/drivers.py', import.meta.url))
  const { status, stdout, stderr } = spawnSync('python3', [program, String(server.sqlPort)], {
    encoding: 'utf8',
    timeout: 300_000,
    env: { ...process.env, PYTHONPATH: packages.dir, PYTHONDONTWRITEBYTECODE: '1' },
  })
  assert.equal(status, 0, `${stdout}${stderr}`)
  assert.deepEqual(stdout.trimEnd().split('\n'), [
    'psycopg, stream: drivers {"after":  5, then 1',
    'psycopg, stream in a transaction: drivers {"after":  5, then 1',
    'psycopg, cancel: 57014, then 1',
    'psycopg, named cursor: 0A000, hint: True, then 1',
    'SQLAlchemy, psycopg, stream_results: 0A000, then 1',
    'asyncpg, cursor: 5, then 1',
    'asyncpg, cursor of fifty rows: 5, then 1',
    'asyncpg, timeout: timeout, then 1',
    'SQLAlchemy, asyncpg, stream: 5, then 1',
  ])
})

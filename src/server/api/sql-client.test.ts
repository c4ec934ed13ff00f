import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connectAs } from './sql-client.ts'

test('a name with a zero byte does not log in: what follows the byte would be a parameter of the session', async () => {
  // Nobody listens there: a name that is taken fails otherwise.
  const port = { host: '127.0.0.1', port: 1, hasTls: false }
  const ann = { name: 'ann', database: 'defaultdb', password: 'x' }
  await assert.rejects(connectAs(ann, port), /ECONNREFUSED/)
  await assert.rejects(connectAs({ ...ann, name: 'ann\0options\0-c x=y' }, port), /zero byte/)
  await assert.rejects(connectAs(ann, port, 'defaultdb\0user\0root'), /zero byte/)
})

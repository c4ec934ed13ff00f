import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readSqlArguments } from './arguments.ts'

test('without a URL everything has its default', () => {
  const args = readSqlArguments(['--insecure'])
  assert.deepEqual(args?.connection, {
    host: 'localhost',
    port: 26_257,
    user: 'root',
    database: 'defaultdb',
    application_name: 'changefeed sql',
  })
  assert.equal(args.promptHost, ':26257')
})

test('a flag wins over the URL, the rest of the URL stays', () => {
  const url = 'postgresql://ann:secret@db.example:5000/shop?sslmode=disable'
  const read = (...flags: string[]): unknown => readSqlArguments(['--url', url, ...flags])?.connection.connectionString
  assert.equal(read(), url)
  assert.equal(read('-d', 'other', '-u', 'bob'), 'postgresql://bob:secret@db.example:5000/other?sslmode=disable')
  assert.equal(read('--host', 'far:7000'), 'postgresql://ann:secret@far:7000/shop?sslmode=disable')
  assert.equal(read('-p', '6000'), 'postgresql://ann:secret@db.example:6000/shop?sslmode=disable')
})

test('statements keep their order', () => {
  assert.deepEqual(readSqlArguments(['--insecure', '-e', 'a', '--execute=b'])?.execute, ['a', 'b'])
})

test('what does not fit is named', () => {
  assert.throws(() => readSqlArguments([]), /--insecure/)
  assert.throws(
    () => readSqlArguments(['--insecure', '--format=xml']),
    /--format=xml: valid formats are table, records, csv/,
  )
  assert.throws(() => readSqlArguments(['--url', 'http://x']), /not a URL like postgresql/)
  assert.throws(() => readSqlArguments(['--insecure', '-p', 'x']), /"x" is not a port/)
})

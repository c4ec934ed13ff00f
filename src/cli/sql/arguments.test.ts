import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readSqlArguments } from './arguments.ts'
import { readConnection, type ConnectionFlags } from './connection.ts'

test('without a URL everything has its default', () => {
  const { source, promptHost } = readConnection({ insecure: true }, {})
  const { host, port, user, database, tls } = source
  assert.deepEqual([host, port, user, database, tls], ['localhost', 26_257, 'root', 'defaultdb', undefined])
  assert.equal(promptHost, ':26257')
  assert.equal(readConnection({}, {}).source.tls?.mode, 'prefer')
})

test('a flag wins over the URL, the rest of the URL stays', () => {
  const url = 'postgresql://ann:se%27cr%5Cet@db.example:5000/shop?sslmode=require&options=-c%20TimeZone%3DUTC'
  const read = (flags: Omit<ConnectionFlags, 'url'> = {}): unknown => {
    const { source, options } = readConnection({ url, ...flags }, {})
    const { host, port, user, database, password, tls } = source
    assert.deepEqual([password, options], [{ tag: 'text', text: "se'cr\\et" }, '-c TimeZone=UTC'])
    return [host, port, user, database, tls?.mode]
  }
  assert.deepEqual(read(), ['db.example', 5000, 'ann', 'shop', 'require'])
  assert.deepEqual(read({ database: 'other', user: 'bob' }), ['db.example', 5000, 'bob', 'other', 'require'])
  assert.deepEqual(read({ host: 'far:7000' }), ['far', 7000, 'ann', 'shop', 'require'])
  assert.deepEqual(read({ port: '6000', insecure: true }), ['db.example', 6000, 'ann', 'shop', undefined])
})

test('of the variables those about passwords and TLS count, and not those that say where PostgreSQL is', () => {
  const variables = {
    PGHOST: 'db',
    PGPORT: '5432',
    PGUSER: 'u',
    PGDATABASE: 'd',
    PGPASSWORD: 'p',
    PGSSLMODE: 'require',
  }
  const { host, port, user, database, password, tls } = readConnection({}, variables).source
  assert.deepEqual([host, port, user, database], ['localhost', 26_257, 'root', 'defaultdb'])
  assert.deepEqual([password, tls?.mode], [{ tag: 'text', text: 'p' }, 'require'])
  assert.deepEqual(readConnection({ 'password-file': '/f' }, variables).source.password, { tag: 'file', path: '/f' })
})

test('statements keep their order', () => {
  assert.deepEqual(readSqlArguments(['--insecure', '-e', 'a', '--execute=b'])?.execute, ['a', 'b'])
})

test('what does not fit is named', () => {
  assert.throws(
    () => readSqlArguments(['--insecure', '--format=xml']),
    /--format=xml: valid formats are table, records, csv/,
  )
  assert.throws(() => readSqlArguments(['--url', 'http://x']), /not a URL like postgresql/)
  assert.throws(() => readSqlArguments(['--insecure', '-p', 'x']), /"x" is not a port/)
})

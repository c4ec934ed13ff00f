import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findPassword } from './passfile.ts'

const text = String.raw`# a comment:with:colons:*:no
h:5432:shop:cdc:exact
h:*:*:cdc:any port
[::1]:5432:*:*:no
\:\:1:5432:*:*:of IPv6
*:6000:*:u\:x:with\:colon:and\\backslash
short:line
*:*:*:*:last
`

test('the first line that matches gives the password, with its escapes undone', () => {
  const find = (host: string, port: number, database: string, user: string) =>
    findPassword(text, { host, port, database, user })
  assert.equal(find('h', 5432, 'shop', 'cdc'), 'exact')
  assert.equal(find('h', 5433, 'shop', 'cdc'), 'any port')
  assert.equal(find('::1', 5432, 'shop', 'cdc'), 'of IPv6')
  assert.equal(find('x', 6000, 'd', 'u:x'), 'with:colon:and\\backslash')
  assert.equal(find('x', 1, 'd', 'u'), 'last')
  assert.equal(findPassword('a:1:b:c:d\r\n', { host: 'x', port: 1, database: 'b', user: 'c' }), undefined)
  assert.equal(findPassword('a:1:b:c:d\r\n', { host: 'a', port: 1, database: 'b', user: 'c' }), 'd')
  assert.equal(findPassword('a:1:b:c', { host: 'a', port: 1, database: 'b', user: 'c' }), '')
})

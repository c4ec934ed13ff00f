// What psql 15 reads from the same texts was compared with these tables (PQconninfoParse).

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FeedError } from '../../errors/feed-error.ts'
import { parseText } from './read-server.ts'

const read: readonly (readonly [text: string, parameters: Record<string, string>])[] = [
  ['postgres://', {}],
  ['postgresql://u:p@h:1/d', { user: 'u', password: 'p', dbname: 'd', host: 'h', port: '1' }],
  ['postgres://u%40x:p%3A%2F%25@h/d%2Fe', { user: 'u@x', password: 'p:/%', dbname: 'd/e', host: 'h' }],
  [
    'postgres://h1:1,h2:2,[::1]:3/d?target_session_attrs=read-write',
    { dbname: 'd', host: 'h1,h2,::1', port: '1,2,3', target_session_attrs: 'read-write' },
  ],
  ['postgres://h1,h2:2/', { host: 'h1,h2', port: ',2' }],
  ['postgres:///d?host=/tmp&port=6', { dbname: 'd', host: '/tmp', port: '6' }],
  ['postgres://%2Ftmp%2Fx:5/d', { dbname: 'd', host: '/tmp/x', port: '5' }],
  ['postgres://u@/d', { user: 'u', dbname: 'd' }],
  ['postgres://u:@h/d', { user: 'u', dbname: 'd', host: 'h' }],
  ['postgres://:p@h', { password: 'p', host: 'h' }],
  ['postgres://h?sslmode=require', { host: 'h', sslmode: 'require' }],
  ['postgres://h/?ssl=true', { host: 'h', sslmode: 'require' }],
  ['postgres://[::1]/d', { dbname: 'd', host: '::1' }],
  ['postgres://h:/d', { dbname: 'd', host: 'h' }],
  ['postgres://u:p#x@h/d', { user: 'u', password: 'p#x', dbname: 'd', host: 'h' }],
  ['postgres://h/d?user=x&user=y', { user: 'y', dbname: 'd', host: 'h' }],
  ['postgres://u:p:q@h/d', { user: 'u', password: 'p:q', dbname: 'd', host: 'h' }],
  ['postgres://h1:1,:2/', { host: 'h1,', port: '1,2' }],
  ['postgres://h/d/e', { dbname: 'd/e', host: 'h' }],
  ['postgres://u:p?q@h/d', { user: 'u', password: 'p?q', dbname: 'd', host: 'h' }],
  ['host = h  port= 1 ', { host: 'h', port: '1' }],
  [String.raw`dbname='a b' user='it\'s' password='\\'`, { user: "it's", password: '\\', dbname: 'a b' }],
  [String.raw`host=a\ b`, { host: 'a b' }],
  ['host=', { host: '' }],
  ['host= user=x', { host: 'user=x' }],
  ["host=a'b", { host: "a'b" }],
  ['host=h\nport=2', { host: 'h', port: '2' }],
  ['password=a=b', { password: 'a=b' }],
  ["host=''", { host: '' }],
  ["user='a'user=b", { user: 'b' }],
  ['user=Ä', { user: 'Ä' }],
  ['  ', {}],
  ['shop', { dbname: 'shop' }],
]

for (const [text, parameters] of read) {
  test(`${JSON.stringify(text)} is read as libpq reads it`, () => {
    assert.deepEqual(Object.fromEntries(parseText(text)), parameters)
  })
}

const refused: readonly (readonly [text: string, message: RegExp])[] = [
  ['postgres://[::1', /^host 1 of the connection URL is none$/],
  ['postgres://a,[]/', /^host 2 of the connection URL is none$/],
  ['postgres://[::1]x/', /^host 1/],
  ['postgres://h/d?a', /^parameter a of the connection URL has no value$/],
  ['postgres://h/d?sslmode=a=b', /^parameter sslmode .* second "="$/],
  ['postgres://h/d?nonsense=1', /does not exist: nonsense$/],
  ['postgres://u:secret%zz@h', /^the password .* contains a "%"/],
  ['postgres://h%00', /^the host .* contains a "%"/],
  ['mysql://u:secret@h', /does not begin with postgres/],
  ['=secret', /a name is missing before "="/],
  ["password='secret", /^the value of "password" in the connection string has no closing quote$/],
  ['host=h secret', /"secret" is not followed by "="/],
  ["password='a'secret!", /^a name is not followed by "="/],
  ['nonsense=secret', /does not exist: nonsense$/],
  ['gssencmode=require', /^gssencmode cannot have this value: GSSAPI is not supported$/],
  ['requirepeer=secret', /^requirepeer cannot/],
  ['client_encoding=LATIN1', /^client_encoding cannot .* UTF8$/],
  ['sslcompression=1', /^sslcompression cannot/],
  // A password with "@" or "/" that is not escaped: libpq takes a part of it for a host or a database.
  ['postgres://u:pa@secret@h/d', /"@" in a place where no login ends$/],
  ['postgres://u:pa@secret/x@h/d', /"@" in a place where no login ends$/],
  ['postgres://u:12/secret@h/d', /"@" in a place where no login ends$/],
]

for (const [text, message] of refused) {
  test(`${JSON.stringify(text)} is refused by name, and no value is shown`, () => {
    assert.throws(
      () => parseText(text),
      (error) => {
        assert.ok(error instanceof FeedError && error.code === 'FEED_OPTION')
        assert.match(error.message, message)
        if (!text.startsWith('host=')) assert.doesNotMatch(`${error.message} ${error.hint}`, /secret/)
        return true
      },
    )
  })
}

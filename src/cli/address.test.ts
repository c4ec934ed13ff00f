import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readAddress } from './address.ts'
import { UsageError } from './usage-error.ts'

const rules = { fallback: { host: 'localhost', port: 26_257 }, leastPort: 0 } as const

test('an address is a host, a port, or both, and IPv6 stands in brackets', () => {
  for (const [text, host, port] of [
    ['', 'localhost', 26_257],
    ['db.example', 'db.example', 26_257],
    ['db.example:1', 'db.example', 1],
    [':0', 'localhost', 0],
    ['[::1]', '::1', 26_257],
    ['[::1]:65535', '::1', 65_535],
  ] as const) {
    assert.deepEqual(readAddress(text, '--host', rules), { host, port }, text)
  }
})

test('what is no address is refused with what is wrong and what to write', () => {
  for (const [text, message, hint] of [
    ['localhost:', '--host=localhost: has no port behind its colon', /leave the colon out for port 26257/],
    ['localhost:70000', '--host: port 70000 is out of range', /from 0 \(a free one\) to 65535/],
    ['localhost:abc', '--host: "abc" is not a port', /from 0 .* to 65535/],
    ['localhost:-1', '--host: "-1" is not a port', /65535/],
    ['::1', '--host=::1 does not say where the address ends', /--host='\[::1\]'/],
    ['[::1', '--host=[::1 is not an address', /\[IPv6\]:PORT/],
    ['[localhost]:1', '--host=[localhost]:1 is not an address', /\[IPv6\]:PORT/],
    ['a:b:1', '--host: "b:1" is not a port', /65535/],
    ['http://localhost:8080', '--host=http://localhost:8080 is a URL, not an address', /leave "http:\/\/"/],
    ['root@localhost', '--host=root@localhost is not an address', /HOST:PORT/],
  ] as const) {
    assert.throws(
      () => readAddress(text, '--host', rules),
      (error: UsageError) => {
        assert.equal(error.message, message)
        assert.match(error.hint ?? '', hint)
        return true
      },
    )
  }
  assert.throws(() => readAddress('a:0', '--host', { ...rules, leastPort: 1 }), /port 0 is out of range/)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isHostAllowed, readAllowedHosts } from './allowed-hosts.ts'

test('a host is allowed by its name, its name and port, or a suffix; an empty list allows all', () => {
  const table: readonly (readonly [list: string, host: string, port: number, isAllowed: boolean])[] = [
    ['', 'anywhere', 1, true],
    [' , ', 'anywhere', 1, true],
    ['kafka', 'kafka', 9092, true],
    ['kafka', 'KAFKA', 9092, true],
    ['kafka', 'kafka.evil', 9092, false],
    ['a, kafka:9092', 'kafka', 9092, true],
    ['a, kafka:9092', 'kafka', 22, false],
    ['*.example.org', 'b1.example.org', 9092, true],
    ['*.Example.org:9092', 'b1.example.org', 9093, false],
    ['*.example.org', 'example.org', 9092, false],
    ['*.example.org', 'evilexample.org', 9092, false],
    ['10.0.0.1', '10.0.0.10', 9092, false],
    ['::1', '::1', 9092, true],
    ['[::1]:9092', '[::1]', 9092, true],
    ['[::1]:9092', '::1', 9093, false],
  ]
  for (const [list, host, port, isAllowed] of table) {
    assert.equal(isHostAllowed(readAllowedHosts(list), host, port), isAllowed, `${list} | ${host}:${port}`)
  }
})

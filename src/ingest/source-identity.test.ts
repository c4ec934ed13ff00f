import assert from 'node:assert/strict'
import test from 'node:test'
import { switchPoint } from './source-identity.ts'

test('a timeline history says where a timeline was left', () => {
  const history = `# comment\n1\t0/3000148\tno recovery target specified\n\n2\tA/50000A0\tbefore 2026-01-01\n`
  assert.equal(switchPoint(history, 1), 0x3000148n)
  assert.equal(switchPoint(history, 2), 0xa050000a0n)
  assert.equal(switchPoint(history, 3), 0n)
})

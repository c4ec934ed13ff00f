import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { legOf } from './leg.ts'

const ends = (remoteAddress: string | undefined, localAddress: string | undefined): Socket =>
  ({ remoteAddress, localAddress }) as Socket

test('a connection is local if it comes from this machine, over whichever of its addresses', () => {
  for (const [remote, local] of [
    ['127.0.0.1', '127.0.0.1'],
    ['::ffff:127.0.0.1', '::ffff:127.0.0.1'],
    ['::1', '::1'],
    [undefined, undefined],
    // Only a process of the machine with this address can be at both ends of a connection: the answers to a forged sender never leave it.
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
  ] as const)
    assert.equal(legOf(ends(remote, local)).isLocal, true, `${remote} ${local}`)
  for (const [remote, local] of [
    ['192.0.2.8', '192.0.2.7'],
    ['2001:db8::1', '2001:db8::2'],
  ] as const)
    assert.equal(legOf(ends(remote, local)).isLocal, false, `${remote} ${local}`)
})

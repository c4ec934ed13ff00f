// The kernel writes what the reference encoder writes, byte for byte. `npm run kernel -- --minutes=N` goes on with other seeds.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareEncoders } from './both-encoders.ts'

const seeds = 120

test(
  'the kernel and the reference encoder write the same messages, and end with the same errors',
  { timeout: 120_000 },
  async () => {
    let messages = 0
    let byKernel = 0
    for (let seed = 1; seed <= seeds; seed++) {
      const compared = await compareEncoders(seed)
      messages += compared.messages
      byKernel += compared.byKernel
    }
    // The rest are of tables, values or changes that the kernel leaves to the reference.
    assert.ok(byKernel > 0.6 * messages, `${byKernel} of ${messages} messages`)
  },
)

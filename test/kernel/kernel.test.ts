// The kernel writes what the reference encoder writes, byte for byte. `npm run kernel -- --minutes=N` goes on with other seeds.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareCopied, compareRecords, type Compared } from './both-encoders.ts'

const seeds = 120

async function compareAll(compare: (seed: number) => Promise<Compared>): Promise<void> {
  let messages = 0
  let byKernel = 0
  for (let seed = 1; seed <= seeds; seed++) {
    const compared = await compare(seed)
    messages += compared.messages
    byKernel += compared.byKernel
  }
  // The rest are of tables, values or changes that the kernel leaves to the reference.
  assert.ok(byKernel > 0.6 * messages, `${byKernel} of ${messages} messages`)
}

test(
  'the kernel and the reference encoder write the same messages of the changelog, and end with the same errors',
  { timeout: 300_000 },
  () => compareAll(compareRecords),
)

test(
  'the kernel and the reference encoder write the same messages of copied rows, and end with the same errors',
  { timeout: 300_000 },
  () => compareAll(compareCopied),
)

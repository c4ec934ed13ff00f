// How slow this machine is, for the patience of tests (test/support/patience.ts). Only the time of the processor counts: how busy it is with other
// things is asked while tests wait.

import { createHash } from 'node:crypto'

/** What `compute` takes of a processor on which the limits of the tests are enough. */
const usualMs = 200

/** 1 for a machine that is as fast as usual or faster, 2 for one that takes twice as long. */
export function slowness(): number {
  const before = process.cpuUsage()
  compute()
  const { user, system } = process.cpuUsage(before)
  return Math.max(1, (user + system) / 1000 / usualMs)
}

/** Text, objects and bytes, as the tests have them. */
function compute(): void {
  const rows = Array.from({ length: 20_000 }, (_, i) => ({ id: i, name: `row ${i}`, more: [i, 2 * i, String(i)] }))
  for (let round = 0; round < 6; round++) JSON.parse(JSON.stringify(rows))
  const hash = createHash('sha256')
  const bytes = Buffer.alloc(1024 * 1024, 7)
  for (let round = 0; round < 20; round++) hash.update(bytes)
  hash.digest()
}

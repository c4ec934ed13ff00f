// The words of a changelog that threads share, read while another thread writes them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { LogHead } from './log-head.ts'

const publishing = `
  import { workerData } from 'node:worker_threads'
  const { LogHead } = await import(workerData.module)
  const head = new LogHead(workerData.shared)
  for (let i = 1; i <= workerData.count; i++) head.publish(i, { wall: BigInt(i), logical: 0 }, BigInt(i))
`

test(
  'who reads that the log has come to a position or a time finds it before the head',
  { timeout: 180_000 },
  async () => {
    const head = new LogHead()
    const count = 2_000_000
    const worker = new Worker(publishing, {
      eval: true,
      workerData: { module: new URL('log-head.ts', import.meta.url).href, shared: head.shared, count },
    })
    const ended = new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject))
    let behind = 0
    let reads = 0
    while (head.endLsn < BigInt(count)) {
      const { endLsn } = head
      if (BigInt(head.head) < endLsn) behind += 1
      const { resolvedWall } = head
      if (BigInt(head.head) < resolvedWall) behind += 1
      reads += 1
      // The worker starts and ends with the help of this thread.
      if (reads % 1000 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await ended
    assert.equal(behind, 0)
  },
)

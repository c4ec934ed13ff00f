import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { continueProcesses, standsStill, stopProcesses } from './stop-processes.ts'
import { until } from './until.ts'

/** More threads than there are cores: some of them are always waiting for one when the signal comes. */
const program = `
  const { isMainThread, Worker } = require('node:worker_threads')
  if (isMainThread) {
    for (let i = 0; i < 4; i++) new Worker(process.env.TEXT, { eval: true })
    process.stdout.write('ready')
  } else for (;;) {}
`

test('a process that was stopped does nothing any more when the call returns, however many threads it has', async () => {
  const child = spawn(process.execPath, ['-e', program], { env: { ...process.env, TEXT: program }, stdio: 'pipe' })
  try {
    await once(child.stdout, 'data')
    const pid = child.pid as number
    for (let i = 0; i < 10; i++) {
      stopProcesses([pid])
      assert.ok(standsStill(pid))
      continueProcesses([pid])
      await until('it goes on', 10_000, () => (standsStill(pid) ? undefined : true))
    }
  } finally {
    child.kill('SIGKILL')
  }
  await once(child, 'exit')
  assert.ok(standsStill(child.pid as number), 'a process that has ended stands still')
})

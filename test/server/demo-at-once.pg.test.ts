import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { main } from './run-main.ts'

test('a demo that is stopped at once, by SIGQUIT, leaves no store behind', { timeout: 300_000 }, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'demo-'))
  // Root's PostgreSQL runs as another user, which has to reach its folder.
  chmodSync(dir, 0o755)
  try {
    const demo = spawn(process.execPath, [main, 'demo', '--sql-port=0', '--http-port=0'], {
      env: { ...process.env, TMPDIR: dir },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exited = once(demo, 'exit')
    let said = ''
    for await (const text of demo.stdout.setEncoding('utf8')) {
      said += String(text)
      if (said.includes('[1]')) break
    }
    demo.kill('SIGQUIT')
    assert.deepEqual(await exited, [1, null])
    assert.deepEqual(
      readdirSync(dir).filter((name) => name.startsWith('changefeed-demo-')),
      [],
    )
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})

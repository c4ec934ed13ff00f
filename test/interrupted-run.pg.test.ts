import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { isRunning, startedPostgres } from './support/started-postgres.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

test('a run of the tests that is interrupted by SIGTERM ends its PostgreSQL and removes its folder', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'int-'))
  // Root's PostgreSQL runs as another user, which has to reach its folder.
  chmodSync(dir, 0o755)
  try {
    // Without its mark of a test, Node would refuse to run tests inside of a test.
    const env: NodeJS.ProcessEnv = { ...process.env, TMPDIR: dir }
    delete env['NODE_TEST_CONTEXT']
    const run = spawn(process.execPath, ['scripts/test.ts', 'ingest/gaps-of-log.pg'], {
      cwd: root,
      env,
      stdio: 'ignore',
    })
    const exited = once(run, 'exit')
    const pidFile = await startedPostgres(dir)
    const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0])
    run.kill('SIGTERM')
    assert.deepEqual(await exited, [143, null])
    assert.deepEqual(globSync('*', { cwd: dir }), [])
    assert.equal(isRunning(pid), false)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { until } from './support/until.ts'

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

/** Path of the file with the pid of the PostgreSQL that a test has started. */
async function startedPostgres(dir: string): Promise<string> {
  return until('a test has started its PostgreSQL', 60_000, () => {
    const [found] = globSync('*/*/postgres/postmaster.pid', { cwd: dir })
    return found !== undefined && readFileSync(join(dir, found), 'utf8').includes('\n') ? join(dir, found) : undefined
  })
}

/** A process that has ended, and whose end nobody has asked for yet, has no arguments any more. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !existsSync('/proc') || readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== ''
  } catch {
    return false
  }
}

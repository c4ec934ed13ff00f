import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { isRunning, startedPostgres } from './support/started-postgres.ts'
import { until } from './support/until.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Runs a bench as npm does, until its PostgreSQL is there. */
async function interrupted(interrupt: (npm: number, bench: number) => void, code: number | null): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'int-'))
  // Root's PostgreSQL runs as another user, which has to reach its folder.
  chmodSync(dir, 0o755)
  try {
    const env = {
      ...process.env,
      TMPDIR: dir,
      BENCH_FEEDS: '1',
      BENCH_RATE: '1',
      BENCH_SECONDS: '600',
      npm_lifecycle_event: 'bench',
    }
    // In the place of npm: it starts what package.json says, and then prints its pid.
    const npm = `const { spawn } = require('node:child_process')
      const child = spawn(process.execPath, ['bin/node.js', 'bench/bench.ts', 'feeds'], { stdio: 'ignore' })
      console.log(child.pid)
      child.on('exit', (code) => process.exit(code))`
    const run = spawn(process.execPath, ['-e', npm], { cwd: root, env, stdio: ['ignore', 'pipe', 'ignore'] })
    const exited = once(run, 'exit')
    const bench = Number(String(await once(run.stdout, 'data')))
    const pid = Number(readFileSync(await startedPostgres(dir), 'utf8').split('\n')[0])
    interrupt(run.pid as number, bench)
    assert.equal((await exited)[0], code)
    await until('nothing is left of the bench', 30_000, () =>
      globSync('*', { cwd: dir }).length === 0 && !isRunning(pid) ? true : undefined,
    )
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

for (const [signal, code] of [
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)
  test(`a bench that gets ${signal} twice, as from timeout and npm, ends its PostgreSQL and removes its folder`, async () => {
    await interrupted((_npm, bench) => {
      process.kill(bench, signal)
      process.kill(bench, signal)
    }, code)
  })

test('a bench whose npm is killed ends, too', { skip: !existsSync('/proc') }, async () => {
  await interrupted((npm) => process.kill(npm, 'SIGKILL'), null)
})

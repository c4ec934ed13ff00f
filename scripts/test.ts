// npm test: types and lint, then every test, each file in a process of its own. Arguments choose files by a part of
// their path. What a test starts, it stops; nothing is skipped because something is missing.
// The tests have a folder of their own for temporary files. When the run ends, also by a signal, the processes that use this
// folder are ended, and the folder is removed.

import { spawn } from 'node:child_process'
import { chmodSync, globSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { endProcessesOf } from './processes-of.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const wanted = process.argv.slice(2)
const fileTimeoutMs = 10 * 60_000

const temporary = mkdtempSync(join(tmpdir(), 'pgcf-run-'))
// Root's PostgreSQL runs as another user, which has to reach its folder.
chmodSync(temporary, 0o755)
let interruptedBy: NodeJS.Signals | undefined
const interrupted = Promise.withResolvers<void>()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    interruptedBy = signal
    interrupted.resolve()
  })
}

async function run(what: string, args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, TMPDIR: temporary },
  })
  const ended = new Promise<string>((resolve) => {
    child.on('error', ({ message }) => resolve(` (${message})`))
    child.on('exit', (code, signal) => resolve(code === 0 ? '' : ` (${signal ?? `exit code ${code}`})`))
  })
  const failure = await Promise.race([ended, interrupted.promise])
  if (interruptedBy !== undefined) await leave(128 + constants.signals[interruptedBy])
  if (failure === '') return
  process.stderr.write(`${what} failed${failure}\n`)
  await leave(1)
}

async function leave(code: number): Promise<never> {
  await endProcessesOf(temporary)
  rmSync(temporary, { recursive: true, force: true })
  process.exit(code)
}

function binary(name: string, script: string): string {
  return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), script)
}

if (wanted.length === 0) {
  await run('the type check', [binary('typescript', 'bin/tsc'), '--noEmit'])
  await run('lint', [binary('oxlint', 'bin/oxlint')])
}
const files = globSync(['src/**/*.test.ts', 'test/**/*.test.ts'], { cwd: root })
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort()
if (files.length === 0) {
  process.stderr.write(`no test file matches ${wanted.join(' ')}\n`)
  await leave(1)
}
await run('a test', [
  '--test',
  '--test-concurrency=2',
  `--test-timeout=${fileTimeoutMs}`,
  '--test-reporter=spec',
  ...files,
])
await leave(0)

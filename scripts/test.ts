// npm test: types and lint, then every test, each file in a process of its own. Arguments choose files by a part of
// their path. What a test starts, it stops; nothing is skipped because something is missing.

import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const wanted = process.argv.slice(2)
const fileTimeoutMs = 10 * 60_000

function run(what: string, args: readonly string[]): void {
  const { status, signal } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
  if (status === 0) return
  process.stderr.write(`${what} failed${signal === null ? '' : ` (${signal})`}\n`)
  process.exit(status ?? 1)
}

function binary(name: string, script: string): string {
  return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), script)
}

if (wanted.length === 0) {
  run('the type check', [binary('typescript', 'bin/tsc'), '--noEmit'])
  run('lint', [binary('oxlint', 'bin/oxlint')])
}
const files = globSync(['src/**/*.test.ts', 'test/**/*.test.ts'], { cwd: root })
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort()
if (files.length === 0) {
  process.stderr.write(`no test file matches ${wanted.join(' ')}\n`)
  process.exit(1)
}
run('a test', ['--test', '--test-concurrency=2', `--test-timeout=${fileTimeoutMs}`, '--test-reporter=spec', ...files])

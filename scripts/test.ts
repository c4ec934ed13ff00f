// npm test: types and lint, then every test, each file in a process of its own. What a test starts, it stops; nothing is
// skipped because something is missing.
//
//   npm test -- PART…             only the files whose path contains one of the parts
//   npm test -- --tier pure       only the files of a tier: pure, pg, kafka or crash; may be repeated
//   npm test -- --name TEXT       only the tests whose name contains the text
//   npm test -- --keep            stores of tests that fail are kept (CHANGEFEED_TEST_KEEP=1)
//   npm test -- --report FILE     writes into the file what became of each test file (report-files.ts)
//   npm test -- --at-once 1       so many files at a time
//
// At the end stands which files took longest.
//
// The tests have a folder of their own for temporary files. When the run ends, also by a signal, the processes that use this
// folder are ended, and the folder is removed.

import { spawn } from 'node:child_process'
import { chmodSync, existsSync, globSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, constants, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { compileCache } from '../src/core/compile-cache.ts'
import { longestFirst } from './file-order.ts'
import { slowness } from './machine-speed.ts'
import { endProcessesOf } from './processes-of.ts'
import { readReports } from './report-files.ts'
import { parentOfTemporary } from './temporary-folder.ts'
import type { FilesToRun } from './run-files.ts'
import { mayHaveTest } from './test-names.ts'
import { tierOf, tiers } from './test-tiers.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const fileTimeoutMs = 20 * 60_000
/** Most tests wait more than they compute: two at a time use less than half of two cores. */
const filesAtOnce = availableParallelism() + 1
const { values: chosen, positionals: wanted } = readArguments()
const { tier: wantedTiers = [], name } = chosen
const keeps = chosen.keep === true || (process.env['CHANGEFEED_TEST_KEEP'] ?? '') !== ''
const isWhole = wanted.length === 0 && wantedTiers.length === 0 && name === undefined
const wrongTier = wantedTiers.find((tier) => !(tiers as readonly string[]).includes(tier))
if (wrongTier !== undefined) {
  process.stderr.write(`there is no tier ${wrongTier}; the tiers are ${tiers.join(', ')}\n`)
  process.exit(1)
}

const temporary = mkdtempSync(join(keeps ? tmpdir() : parentOfTemporary(), 'pgcf-run-'))
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

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        tier: { type: 'string', multiple: true },
        name: { type: 'string' },
        keep: { type: 'boolean' },
        report: { type: 'string' },
        'at-once': { type: 'string' },
      },
    })
  } catch (error) {
    process.stderr.write(
      `${(error as Error).message}\nusage: npm test -- [--tier TIER] [--name TEXT] [--keep] [--report FILE] [--at-once N] [PART…]\n`,
    )
    process.exit(1)
  }
}

const slow = slowness()
/** The reporter writes into a pipe, and cannot see the terminal. */
const colours = process.stdout.isTTY && process.env['NO_COLOR'] === undefined ? { FORCE_COLOR: '1' } : {}

/** Says what happened if it failed. */
async function run(args: readonly string[]): Promise<string | undefined> {
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: ['inherit', 'pipe', 'inherit'],
    env: {
      ...process.env,
      ...colours,
      TMPDIR: temporary,
      // Half of what a small test file computes is compiling modules that the file before it has compiled.
      NODE_COMPILE_CACHE: compileCache,
      CHANGEFEED_TEST_SLOWNESS: slow.toFixed(2),
      // The pictures stay when the folder goes.
      CHANGEFEED_TEST_PICTURES:
        process.env['CHANGEFEED_TEST_PICTURES'] ?? join(tmpdir(), 'changefeed-console-pictures'),
      ...(keeps ? { CHANGEFEED_TEST_KEEP: '1' } : {}),
    },
  })
  // After a signal the reporter would say of every file that was not run that it has failed.
  child.stdout.on('data', (text: Buffer) => {
    if (interruptedBy === undefined) process.stdout.write(text)
  })
  const ended = new Promise<string | undefined>((resolve) => {
    child.on('error', ({ message }) => resolve(message))
    child.on('close', (code, signal) => resolve(code === 0 ? undefined : (signal ?? `exit code ${code}`)))
  })
  const failure = await Promise.race([ended, interrupted.promise.then(() => undefined)])
  if (interruptedBy !== undefined) await leave(128 + constants.signals[interruptedBy])
  return failure
}

async function must(what: string, failure: string | undefined): Promise<void> {
  if (failure === undefined) return
  process.stderr.write(`${what} failed (${failure})\n`)
  await leave(1)
}

const shownFiles = 20

/** Writes the report of the files for who has asked for it, and tells which took longest. */
function tellFiles(lines: string): void {
  const reports = readReports(existsSync(lines) ? readFileSync(lines, 'utf8') : '', { files, root })
  if (chosen.report !== undefined)
    writeFileSync(chosen.report, reports.map((report) => `${JSON.stringify(report)}\n`).join(''))
  if (reports.length <= 1) return
  const slowest = [...reports].sort((a, b) => b.seconds - a.seconds).slice(0, shownFiles)
  const text = slowest.map(({ file, seconds }) => `${seconds.toFixed(1).padStart(8)} s  ${file}\n`)
  process.stdout.write(`\nThe files that took longest, of ${reports.length}:\n${text.join('')}`)
}

async function leave(code: number): Promise<never> {
  await endProcessesOf(temporary)
  if (keeps && code !== 0 && readdirSync(temporary).length > 0)
    process.stderr.write(`what the tests left is kept in ${temporary}\n`)
  else rmSync(temporary, { recursive: true, force: true })
  process.exit(code)
}

function binary(name: string, script: string): string {
  return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), script)
}

if (isWhole) {
  await must('the type check', await run([binary('typescript', 'bin/tsc'), '--noEmit']))
  await must('the type check of the console', await run([binary('typescript', 'bin/tsc'), '--noEmit', '-p', 'console']))
  await must('lint', await run([binary('oxlint', 'bin/oxlint')]))
}
const found = globSync(['src/**/*.test.ts', 'test/**/*.test.ts'], { cwd: root })
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .filter((file) => wantedTiers.length === 0 || wantedTiers.includes(tierOf(file)))
  .filter((file) => name === undefined || mayHaveTest(join(root, file), name))
const files = longestFirst(found)
if (files.length === 0) {
  const what = [...wantedTiers, ...wanted, ...(name === undefined ? [] : [`"${name}" in the name of a test`])]
  process.stderr.write(`no test file matches ${what.join(' ')}\n`)
  await leave(1)
}
const lines = join(temporary, 'reports')
const failure = await run([
  join(root, 'scripts/run-files.ts'),
  JSON.stringify({
    files,
    atOnce: Number(chosen['at-once'] ?? filesAtOnce),
    timeoutMs: fileTimeoutMs,
    name,
    reports: lines,
  } satisfies FilesToRun),
])
tellFiles(lines)
rmSync(lines, { force: true })
await must('a test', failure)
await leave(0)

// npm run test:versions: the suites of feeds, jobs, Kafka and crashes against PostgreSQL 14 to 18, which are installed when they
// are missing; as a superuser and as a role that may only read what a DBA has prepared, over TLS with SCRAM.
//
//   npm run test:versions -- 15 17-prepared   only these, in this order
//   npm run test:versions -- 15 kafka-feed    of these, only files whose path contains the text
//
// It takes long, and others may use the machine: a file that has failed is run again alone, and the table at the end says so.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FileReport } from './report-files.ts'
import { filesOf, targets, type Target } from './version-suites.ts'
import { versionsTable, type FileOfTarget } from './versions-table.ts'

const wanted = process.argv.slice(2)
const named = wanted.flatMap((word) => targets.filter(({ name }) => name === word))
const parts = wanted.filter((word) => !targets.some(({ name }) => name === word))
const folder = mkdtempSync(join(tmpdir(), 'pgcf-versions-'))
const results: FileOfTarget[] = []
const minutes = new Map<string, number>()

/** What became of the files; nothing if the run did not begin. */
function run({ name }: Target, args: readonly string[]): readonly FileReport[] {
  const report = join(folder, 'report')
  rmSync(report, { force: true })
  const script = fileURLToPath(new URL('test.ts', import.meta.url))
  spawnSync(process.execPath, [script, '--report', report, ...args], {
    stdio: 'inherit',
    env: { CRASH_SEEDS: '1', ...process.env, CHANGEFEED_TEST_POSTGRES: name },
  })
  if (!existsSync(report)) return []
  const lines = readFileSync(report, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as FileReport)
}

for (const target of named.length > 0 ? named : targets) {
  const { name } = target
  process.stdout.write(`\nPostgreSQL ${name}\n`)
  const startedAt = performance.now()
  const reports = run(target, parts.length === 0 ? filesOf(target) : parts)
  if (reports.length === 0) results.push({ target: name, file: 'no file was run', outcome: 'failed', passed: 0 })
  const failed = reports.filter(({ isPassed }) => !isPassed)
  if (failed.length > 0)
    process.stdout.write(`\nPostgreSQL ${name}: ${failed.length} files again, one after the other\n`)
  const again = failed.length === 0 ? [] : run(target, ['--at-once', '1', ...failed.map(({ file }) => file)])
  for (const first of reports) {
    const { file, isPassed, passed } = again.find((report) => report.file === first.file) ?? first
    const outcome = first.isPassed ? 'passed' : isPassed ? 'passed again' : 'failed'
    results.push({ target: name, file, outcome, passed })
  }
  minutes.set(name, (performance.now() - startedAt) / 60_000)
}
rmSync(folder, { recursive: true, force: true })
process.stdout.write(`\n${versionsTable(results, minutes)}\n`)
process.exitCode = results.every(({ outcome }) => outcome !== 'failed') ? 0 : 1

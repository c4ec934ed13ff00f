import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { longestFirst } from '../scripts/file-order.ts'
import type { FileReport } from '../scripts/report-files.ts'
import type { FilesToRun } from '../scripts/run-files.ts'

const program = fileURLToPath(new URL('../scripts/run-files.ts', import.meta.url))

test('test files that take longest are begun first, and pure ones at the end', () => {
  const files = ['a.test.ts', 'b.pg.test.ts', 'd.kafka.test.ts', 'c.kafka.test.ts', 'e.crash.test.ts']
  assert.deepEqual(longestFirst(files), [
    'e.crash.test.ts',
    'c.kafka.test.ts',
    'd.kafka.test.ts',
    'b.pg.test.ts',
    'a.test.ts',
  ])
})

/** Runs files with these contents, one after the other. */
function runFiles(files: Readonly<Record<string, string>>) {
  const dir = mkdtempSync(join(tmpdir(), 'run-files-'))
  try {
    for (const [file, text] of Object.entries(files)) writeFileSync(join(dir, file), text)
    const reports = join(dir, 'reports')
    const paths = Object.keys(files).map((file) => join(dir, file))
    const wanted: FilesToRun = { files: paths, atOnce: 1, timeoutMs: 60_000, reports }
    // Without its mark of a test, Node would refuse to run tests inside of a test.
    const { NODE_TEST_CONTEXT: _mark, ...env } = process.env
    const { status, stdout } = spawnSync(process.execPath, [program, JSON.stringify(wanted)], { encoding: 'utf8', env })
    const lines = readFileSync(reports, 'utf8').split('\n').filter(Boolean)
    return { status, stdout, reports: lines.map((line) => JSON.parse(line) as FileReport), dir }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

const passing = "import { test } from 'node:test'; test('it passes', () => undefined)"

test('files are run in the order in which they are given, and each is reported', () => {
  const { status, reports, dir } = runFiles({ 'b.mjs': passing, 'a.mjs': passing })
  assert.equal(status, 0)
  assert.deepEqual(
    reports.map(({ file, passed }) => [file, passed]),
    [
      [join(dir, 'b.mjs'), 1],
      [join(dir, 'a.mjs'), 1],
    ],
  )
})

test('a test that fails and a file that ends early fail the run, and are named', () => {
  const failing = "import { test } from 'node:test'; test('it fails', () => { throw new Error('no') })"
  for (const [text, name] of [
    [failing, /✖ it fails/],
    ['process.exit(3)', /✖ .*b\.mjs/],
  ] as const) {
    const { status, stdout } = runFiles({ 'b.mjs': text, 'a.mjs': passing })
    assert.equal(status, 1)
    assert.match(stdout, name)
    assert.match(stdout, /✔ it passes/)
  }
})

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { mountDisk, skipWithoutDisk, unmountDisk } from '../../test/support/small-disk.ts'
import { LogFile } from './log-file.ts'

const kibibyte = 1024
const small = { fileBytes: 10 * kibibyte, totalBytes: 50 * kibibyte }

function store(t: TestContext): { readonly dir: string; readonly logs: string; readonly path: string } {
  const dir = mkdtempSync(join(tmpdir(), 'log-file-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return { dir, logs: join(dir, 'logs'), path: join(dir, 'logs', 'changefeed.log') }
}

/** A clock that has gone on for a second whenever it is asked. */
function seconds(): () => number {
  let nowMs = 0
  return () => (nowMs += 1000)
}

const sizes = (folder: string): number[] => readdirSync(folder).map((name) => statSync(join(folder, name)).size)

test('however many lines come, all files together stay in their bound, and no file is larger than it may be', (t) => {
  const { dir, logs } = store(t)
  const file = new LogFile(dir, small)
  for (let i = 0; i < 5000; i++) {
    file.write(`${'x'.repeat(i % 700)}\n`)
    if (i % 100 !== 0) continue
    const all = sizes(logs)
    assert.ok(all.every((size) => size <= small.fileBytes))
    assert.ok(all.reduce((sum, size) => sum + size, 0) <= small.totalBytes)
  }
  assert.ok(sizes(logs).length >= 4)
})

test('a start with smaller limits removes what an earlier one has kept', (t) => {
  const { dir, logs } = store(t)
  const before = new LogFile(dir, { fileBytes: 20 * kibibyte, totalBytes: 200 * kibibyte })
  for (let i = 0; i < 400; i++) before.write(`${'x'.repeat(1000)}\n`)
  assert.ok(sizes(logs).length > 5)
  const after = new LogFile(dir, small)
  after.write('a line\n')
  const left = sizes(logs).reduce((sum, size) => sum + size, 0)
  assert.ok(left <= small.totalBytes, String(left))
})

test('a file that somebody has removed or renamed is begun again, also with its folder', (t) => {
  const { dir, logs, path } = store(t)
  const file = new LogFile(dir, small, seconds())
  file.write('first\n')
  rmSync(path)
  file.write('second\n')
  assert.equal(readFileSync(path, 'utf8'), 'second\n')
  renameSync(path, `${path}.kept`)
  file.write('third\n')
  assert.equal(readFileSync(path, 'utf8'), 'third\n')
  assert.equal(readFileSync(`${path}.kept`, 'utf8'), 'second\n')
  rmSync(logs, { recursive: true })
  file.write('fourth\n')
  assert.equal(readFileSync(path, 'utf8'), 'fourth\n')
  // A store that is gone is not made again.
  rmSync(dir, { recursive: true })
  file.write('fifth\n')
  assert.throws(() => statSync(dir))
})

test('a file that somebody has emptied is not rotated before it is full again', (t) => {
  const { dir, logs, path } = store(t)
  const file = new LogFile(dir, small, seconds())
  for (let i = 0; i < 9; i++) file.write(`${'x'.repeat(1000)}\n`)
  writeFileSync(path, '')
  for (let i = 0; i < 9; i++) file.write(`${'y'.repeat(1000)}\n`)
  assert.deepEqual(readdirSync(logs), ['changefeed.log'])
})

test('a line that is torn by a full disk, or by a crash, spoils no other line', { skip: skipWithoutDisk }, (t) => {
  const { dir } = store(t)
  const full = join(dir, 'full')
  mkdirSync(full)
  mountDisk(full, 'size=64k')
  try {
    const path = join(full, 'logs', 'changefeed.log')
    const file = new LogFile(full, { fileBytes: 1e6, totalBytes: 1e7 })
    const ballast = join(full, 'ballast')
    writeFileSync(ballast, Buffer.alloc(48 * kibibyte))
    const line = (n: number): string => `${JSON.stringify({ n, pad: 'x'.repeat(1000) })}\n`
    for (let n = 0; n < 40; n++) file.write(line(n))
    rmSync(ballast)
    for (let n = 40; n < 45; n++) file.write(line(n))
    writeFileSync(path, `${readFileSync(path, 'utf8')}{"n":45,"to`)
    new LogFile(full, { fileBytes: 1e6, totalBytes: 1e7 }).write(line(46))
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
    const whole = lines.flatMap((text) => (text.endsWith('}') ? [(JSON.parse(text) as { n: number }).n] : []))
    assert.deepEqual(whole.slice(-6), [40, 41, 42, 43, 44, 46])
    // One by the disk, one by the crash.
    assert.equal(lines.length - whole.length, 2)
  } finally {
    unmountDisk(full)
  }
})

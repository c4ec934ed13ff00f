import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { LogFile } from './log-file.ts'
import { defaultLogStyle } from './log-flags.ts'

function newStore(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'log-file-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

test('a log that was moved, or whose folder was removed, is begun again', (t) => {
  const store = newStore(t)
  const path = join(store, 'logs', 'changefeed.log')
  let nowMs = 0
  const log = new LogFile(store, defaultLogStyle, () => nowMs)
  log.write('1\n')
  renameSync(path, `${path}.moved`)
  nowMs += 1000
  log.write('2\n')
  assert.equal(readFileSync(`${path}.moved`, 'utf8'), '1\n')
  assert.equal(readFileSync(path, 'utf8'), '2\n')
  rmSync(join(store, 'logs'), { recursive: true })
  nowMs += 1000
  log.write('3\n')
  log.write('4\n')
  assert.equal(readFileSync(path, 'utf8'), '3\n4\n')
})

test('a line for which the disk had no room spoils no other one', (t) => {
  const store = newStore(t)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32k', 'tmpfs', store], { stdio: 'ignore' })
  } catch {
    t.skip('nothing can be mounted here')
    return
  }
  try {
    mkdirSync(join(store, 'logs'))
    const log = new LogFile(store, defaultLogStyle)
    const ballast = join(store, 'ballast')
    writeFileSync(ballast, Buffer.alloc(20 * 1024))
    for (let n = 0; n < 3; n++) log.write(`${JSON.stringify({ n, text: 'x'.repeat(6000) })}\n`)
    rmSync(ballast)
    log.write(`${JSON.stringify({ n: 3 })}\n`)
    const lines = readFileSync(join(store, 'logs', 'changefeed.log'), 'utf8')
      .trimEnd()
      .split('\n')
    assert.equal(lines.at(-1), '{"n":3}')
  } finally {
    // The log is still open.
    execFileSync('umount', ['--lazy', store])
  }
})

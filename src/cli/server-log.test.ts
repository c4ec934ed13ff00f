import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { logLevels } from './log-flags.ts'
import { logTo, serverLog } from './server-log.ts'

test('the log of the server is lines of JSON in its store', () => {
  const store = mkdtempSync(join(tmpdir(), 'server-log-'))
  try {
    serverLog(store).info({ n: 1 }, 'hello')
    const line = readFileSync(join(store, 'logs', 'changefeed.log'), 'utf8')
    assert.deepEqual({ ...(JSON.parse(line) as object), time: '' }, { level: 30, time: '', n: 1, msg: 'hello' })
  } finally {
    rmSync(store, { recursive: true, force: true })
  }
})

test('only lines of the level that is asked for and more severe ones are written', () => {
  const lines: string[] = []
  for (const level of logLevels) {
    const log = logTo((line) => lines.push(line.replace(/^\S+ /, '')), { level, format: 'text' })
    for (const severity of logLevels) log[severity](level)
  }
  assert.deepEqual(lines, [
    'DEBUG debug\n',
    'INFO  debug\n',
    'WARN  debug\n',
    'ERROR debug\n',
    'INFO  info\n',
    'WARN  info\n',
    'ERROR info\n',
    'WARN  warn\n',
    'ERROR warn\n',
    'ERROR error\n',
  ])
})

test('a disk that is full does not end the server that logs it', { skip: process.platform !== 'linux' }, () => {
  const store = mkdtempSync(join(tmpdir(), 'server-log-'))
  try {
    mkdirSync(join(store, 'logs'))
    // Writing there fails with ENOSPC.
    symlinkSync('/dev/full', join(store, 'logs', 'changefeed.log'))
    serverLog(store).warn('the disk is full')
  } finally {
    rmSync(store, { recursive: true, force: true })
  }
})

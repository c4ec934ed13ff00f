import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { defaultLogStyle, logLevels, readLogStyle } from './log-flags.ts'
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

test('a file that is large enough is kept under another name, and the oldest go; a restart goes on in the last one', () => {
  const store = mkdtempSync(join(tmpdir(), 'server-log-'))
  try {
    const style = { ...defaultLogStyle, fileBytes: 2000, totalBytes: 8000 }
    let log = serverLog(store, style)
    for (let n = 0; n < 200; n++) {
      if (n === 100) log = serverLog(store, style)
      log.info({ n }, 'a line')
    }
    const names = readdirSync(join(store, 'logs')).sort()
    assert.deepEqual(names, ['changefeed.log', 'changefeed.log.1', 'changefeed.log.2', 'changefeed.log.3'])
    const sizes = names.map((name) => statSync(join(store, 'logs', name)).size)
    assert.ok(
      sizes.every((size) => size < 2200),
      String(sizes),
    )
    const lines = names.toReversed().flatMap((name) =>
      readFileSync(join(store, 'logs', name), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { n: number }).n),
    )
    // No line is missing from the first one that is kept to the last.
    const from = lines[0] ?? 0
    assert.ok(from > 0)
    assert.deepEqual(
      lines,
      Array.from({ length: 200 - from }, (_, i) => from + i),
    )
  } finally {
    rmSync(store, { recursive: true, force: true })
  }
})

test('sizes of the log are read as settings are, and two files have to fit', () => {
  const flags = { level: 'info', format: 'json', fileSize: '1MiB', totalSize: '1 GB' }
  const { fileBytes, totalBytes } = readLogStyle(flags)
  assert.deepEqual([fileBytes, totalBytes], [1024 * 1024, 1e9])
  assert.throws(() => readLogStyle({ ...flags, fileSize: 'much' }), /--log-file-max-size=much is no size/)
  assert.throws(() => readLogStyle({ ...flags, totalSize: '1MiB' }), /has no room for two files of 1MiB/)
})

import assert from 'node:assert/strict'
import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { pino } from 'pino'
import { startEmbedded } from './embedded.ts'
import { loggedSince, startFailure } from './start-failure.ts'

test('a full disk is called so, however PostgreSQL puts it', () => {
  for (const said of [
    'FATAL:  could not write lock file "postmaster.pid": No space left on device',
    'FATAL:  could not extend file "base/1/2691": wrote only 4096 of 8192 bytes at block 10\nHINT:  Check free disk space.',
    `ENOSPC: no space left on device, mkdir '/x/postgres.new'`,
  ]) {
    assert.equal(startFailure('initdb', said, tmpdir()).message, `the disk of ${tmpdir()} is full`)
  }
})

test('what explains an end is found in the log files, and nothing else is taken from them', () => {
  const dir = mkdtempSync(join(tmpdir(), 'start-failure-'))
  try {
    mkdirSync(join(dir, 'log'))
    const since = Date.now()
    writeFileSync(
      join(dir, 'log', 'postgresql-Fri.log'),
      [
        'x LOG:  starting PostgreSQL 18.4',
        'x FATAL:  of an earlier run',
        'x LOG:  starting PostgreSQL 18.4',
        `x STATEMENT:  INSERT INTO t VALUES ('secret')`,
        'x DETAIL:  Failed process was running: secret',
        'x PANIC:  could not write to file "pg_wal/xlogtemp.7"',
        'x LOG:  database system is shut down',
        '',
      ].join('\n'),
    )
    assert.equal(loggedSince(dir, since), 'x PANIC:  could not write to file "pg_wal/xlogtemp.7"')
    assert.equal(loggedSince(dir, since + 60_000), '')
    assert.equal(loggedSince(join(dir, 'none'), since), '')
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})

test('a PostgreSQL that ends while it starts says why, also what it has said to its log files only', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'start-failure-'))
  chmodSync(folder, 0o755)
  const dir = join(folder, 'postgres')
  const start = async (): Promise<void> => {
    const embedded = await startEmbedded({ dir, log: pino({ level: 'silent' }) })
    await embedded.stop('fast')
  }
  try {
    await start()
    // Before its log files are there …
    appendFileSync(join(dir, 'postgresql.conf'), `\nwork_mem = 'a lot'\n`)
    await assert.rejects(start, { code: 'FEED_START', message: /work_mem/ })
    // … and after.
    appendFileSync(join(dir, 'postgresql.conf'), `\nwork_mem = '4MB'\n`)
    for (const name of readdirSync(join(dir, 'pg_wal'))) rmSync(join(dir, 'pg_wal', name), { recursive: true })
    await assert.rejects(start, { code: 'FEED_START', message: /PANIC: {2}could not locate a valid checkpoint record/ })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

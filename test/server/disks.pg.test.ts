// Stores on disks that take nothing: full from the start or later, or mounted read-only.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { main } from './run-main.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from './test-server.ts'
import { mountDisk, skipWithoutDisk as skip, unmountDisk } from '../support/small-disk.ts'
import { until } from '../support/until.ts'

function onDisk(options: string, work: (dir: string) => void): void {
  const dir = mkdtempSync(join(tmpdir(), 'changefeed-disk-'))
  try {
    mountDisk(dir, `mode=755,${options}`)
    try {
      work(dir)
    } finally {
      unmountDisk(dir)
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

for (const [kind, options, said] of [
  ['full', 'size=20m', /^ERROR: the disk of \S+ is full\nHINT: free space there, or choose another --store\n$/],
  ['read-only', 'ro', /^ERROR: cannot make the store \S+: EROFS[^\n]*\nHINT: its disk is mounted read-only; choose an/],
] as const) {
  test(`a start on a ${kind} disk says so and leaves nothing behind`, { skip }, () => {
    for (const more of [[], ['--background']]) {
      onDisk(options, (dir) => {
        const flags = ['--listen-addr=localhost:0', '--http-addr=localhost:0', `--store=${join(dir, 'store')}`]
        const { status, stderr } = spawnSync(
          process.execPath,
          [main, 'start-single-node', '--insecure', ...flags, ...more],
          { encoding: 'utf8', timeout: 180_000 },
        )
        assert.equal(status, 1)
        assert.match(stderr, said)
        assert.deepEqual(readdirSync(dir), [])
      })
    }
  })
}

test(
  'a disk that gets full is named to clients, feeds and /health, and all goes on when it has room',
  { skip },
  async () => {
    await using server = await TestServer.start({ diskSize: '180m' })
    const full = /the disk of \S+ is full/
    const health = async (path = '/health'): Promise<string> =>
      (await fetch(`http://127.0.0.1:${server.httpPort}${path}`)).text()
    await server.sql('CREATE TABLE t (id INT PRIMARY KEY, s STRING)')
    await server.sql(`CREATE CHANGEFEED FOR t INTO 'null://'`)
    await using feed = await SinklessFeed.open(server, "EXPERIMENTAL CHANGEFEED FOR t WITH resolved = '500ms'")
    await feed.resolvedPast({ wall: 0n, logical: 0 })
    // Until PostgreSQL is down, which is more than an error of one statement.
    const said = await until('clients are told', 60_000, async () => {
      try {
        await server.sql(
          `INSERT INTO t SELECT (random() * 1e15)::int8, repeat(md5(g::text), 20) FROM generate_series(1, 20000) g`,
        )
      } catch (error) {
        const { message, code, hint } = error as Error & { code?: string; hint?: string }
        if (code !== '53100') return { message, code, hint }
      }
      return undefined
    })
    await until('a client that connects is told', 20_000, async () => {
      try {
        await server.sql('SELECT 1')
      } catch (error) {
        return full.test((error as Error).message) || undefined
      }
      return undefined
    })
    await until('/health says so', 20_000, async () => full.test(await health()) || undefined)
    assert.match(String(feed.error ?? ''), full, JSON.stringify(said))
    server.resizeDisk('900m')
    await until(
      'PostgreSQL is there again',
      60_000,
      async () => (await health('/health?ready=1')) === '{}\n' || undefined,
    )
    await server.sql(`INSERT INTO t VALUES (-1, 'after')`)
  },
)

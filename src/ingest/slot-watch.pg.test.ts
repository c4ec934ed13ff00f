// How much WAL the slot keeps is read while ingest runs, and its age is known while the source is away.

import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { LogHead } from '../changelog/files/log-head.ts'
import { removeStore } from '../../test/support/kept-stores.ts'
import { PostgresServerUnderTest } from '../../test/support/postgres-server.ts'
import { within } from '../../test/support/until.ts'
import { versionsOfRun } from '../../test/support/servers/server-of-tests.ts'
import { IngestThread } from './ingest-thread.ts'

for (const version of versionsOfRun([14, 18])) {
  test(`on PostgreSQL ${version}, what the slot keeps and may still keep is read again and again`, async () => {
    await using server = await PostgresServerUnderTest.start({
      version,
      settings: { max_slot_wal_keep_size: '64MB' },
    })
    const dir = mkdtempSync(join(tmpdir(), 'slot-watch-'))
    const log = { tag: 'files', dir: join(dir, 'log'), shared: new LogHead().shared } as const
    const settings = { closedTargetMs: 100, retentionMs: 3_600_000, maxLogBytes: 0 }
    const thread = new IngestThread({ log, source: server.source(), settings }, () => undefined)
    try {
      await thread.ready
      await within(20_000, 'the first reading', () => thread.slot.now !== undefined)
      const first = thread.slot.now
      assert.match(first?.slot ?? '', /^pg_changefeed_\d+$/)
      assert.ok(first?.walStatus === 'reserved' || first?.walStatus === 'extended')
      assert.ok((first?.safeBytes ?? 0) > 0)
      assert.ok(Math.abs((first?.clockMs ?? 0) - Date.now()) < 60_000)
      const readAt = first?.clockMs ?? 0
      await within(20_000, 'a later reading', () => (thread.slot.now?.clockMs ?? 0) > readAt)
      await server.stop('immediate')
      await within(30_000, 'the reading to become old', () => (thread.slot.now?.ageMs ?? 0) > 7000)
      assert.ok((thread.slot.now?.safeBytes ?? 0) > 0, 'the last reading is still there')
    } finally {
      await thread.stop()
      removeStore(dir)
    }
  })
}

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { HistoryFile } from './history-file.ts'

test('what was typed is kept for its owner only, and not at all where the file leads to /dev/null', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'changefeed-history-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const kept = new HistoryFile(join(dir, 'kept'))
  for (const entry of ['SELECT 1', 'SELECT 2']) kept.append(entry)
  assert.deepEqual(kept.read(), ['SELECT 2', 'SELECT 1'])
  assert.equal(statSync(join(dir, 'kept')).mode & 0o777, 0o600)
  symlinkSync('/dev/null', join(dir, 'nowhere'))
  const none = new HistoryFile(join(dir, 'nowhere'))
  none.append('SELECT 3')
  assert.deepEqual(none.read(), [])
})

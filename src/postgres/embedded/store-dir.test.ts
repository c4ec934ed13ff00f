import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { refuseForeignFolder } from './store-dir.ts'

test('a folder with the files of somebody else is no place for a store; an empty one and a begun store are', () => {
  const root = mkdtempSync(join(tmpdir(), 'store-dir-'))
  const folder = (...names: readonly string[]): string => {
    const dir = mkdtempSync(join(root, 'folder-'))
    for (const name of names) writeFileSync(join(dir, name), '')
    return dir
  }
  try {
    refuseForeignFolder(join(root, 'not-there'), 'embedded')
    refuseForeignFolder(folder(), 'embedded')
    refuseForeignFolder(
      folder('lost+found', '.snapshot', 'changefeed.lock', 'changefeed.lock.7.0', 'jobs.key'),
      'embedded',
    )
    const store = folder('notes.txt')
    mkdirSync(join(store, 'postgres'))
    refuseForeignFolder(store, 'embedded')
    for (const [names, held] of [
      [['thesis.tex'], 'it holds thesis.tex'],
      [['b', 'a', 'logs'], 'it holds a and 1 more'],
    ] as const) {
      const dir = folder(...names)
      assert.throws(() => refuseForeignFolder(dir, 'embedded'), {
        code: 'FEED_START',
        message: `${dir} is no store, and not empty: ${held}`,
        hint: `choose a folder that is empty or not there yet, such as --store=${join(dir, 'changefeed-data')}`,
      })
    }
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
})

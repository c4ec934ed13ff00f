// What the main thread loads in order to run feeds: none of the code that a feed itself consists of.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { test } from 'node:test'

const src = join(import.meta.dirname, '../..')

/** The files that a file loads when it is imported: without imports of types, and without those that are made later. */
function loadedBy(path: string, found = new Set<string>()): ReadonlySet<string> {
  const file = relative(src, path)
  if (found.has(file)) return found
  found.add(file)
  const text = readFileSync(path, 'utf8')
  for (const [, name = ''] of text.matchAll(/^(?:import|export) (?!type )(?:[^']*? from )?'(\.[^']+)'/gm)) {
    loadedBy(join(path, '..', name), found)
  }
  return found
}

const ofFeeds =
  /^(feed\/(run-feed|delivery|(follow|output|transaction)\/)|decode\/pgoutput\/|encode\/\w+\/(?!facts|own-names|refused-type)|sink\/\w+\/open)/

test('the pool of feeds does not load what runs in its threads', () => {
  const worker = loadedBy(join(src, 'feed/pool/feed-worker.ts'))
  assert.ok(
    [...worker].some((file) => ofFeeds.test(file)),
    'imports are found',
  )
  for (const main of ['feed/pool/feed-pool.ts', 'server/serve.ts']) {
    const loaded = [...loadedBy(join(src, main))]
    assert.ok(loaded.includes('feed/pool/feed-pool.ts'))
    assert.deepEqual(
      loaded.filter((file) => ofFeeds.test(file)),
      [],
      main,
    )
  }
})

// The pages of docs/reference that are generated stand as their tables say.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

test('the generated pages of docs/reference are as their tables in the source say', () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/reference.ts', '--check'], {
    cwd: root,
    encoding: 'utf8',
  })
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
})

test('every link from a page of docs/reference or docs/guide to another file leads to a file', () => {
  for (const folder of ['docs/reference', 'docs/guide']) {
    for (const name of readdirSync(join(root, folder))) {
      const text = readFileSync(join(root, folder, name), 'utf8')
      for (const [, to = ''] of text.matchAll(/\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)/g)) {
        assert.ok(existsSync(join(root, dirname(join(folder, name)), to)), `${folder}/${name} links to ${to}`)
      }
    }
  }
})

// Which room may use which: the list is the architecture, and a new arrow is a decision. A room may use what its line
// names; data rooms never use each other, but for `feed`, which wires them, and the log, whose records decoding reads.

import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const src = fileURLToPath(new URL('../src', import.meta.url))

const mayUse: Readonly<Record<string, readonly string[]>> = {
  // The ground.
  bytes: [],
  errors: [],
  core: ['bytes'],
  wire: ['bytes', 'errors'],
  // Data.
  postgres: ['core', 'errors', 'wire'],
  changelog: ['bytes', 'core', 'errors'],
  ingest: ['bytes', 'changelog', 'core', 'errors', 'postgres'],
  decode: ['changelog', 'core', 'errors'],
  scan: ['core', 'decode', 'errors', 'postgres'],
  encode: ['bytes', 'core', 'errors'],
  sink: ['bytes', 'core', 'errors'],
  feed: ['bytes', 'changelog', 'core', 'decode', 'encode', 'errors', 'postgres', 'scan', 'sink'],
  // Control.
  sql: ['errors'],
  plan: ['core', 'errors', 'sql'],
  settings: ['core', 'errors', 'sql'],
  'pg-server': ['bytes', 'errors', 'postgres', 'wire'],
  jobs: ['core', 'errors', 'feed', 'postgres'],
  http: ['core', 'errors'],
  // Who introduces everyone.
  server: 'bytes changelog core errors feed http ingest jobs pg-server plan postgres settings sink sql wire'.split(' '),
  cli: ['core', 'errors', 'plan', 'postgres', 'server', 'settings', 'sql'],
}

test('rooms use only the rooms below them', () => {
  const found = new Set<string>()
  for (const file of globSync('**/*.ts', { cwd: src })) {
    const [room, ...rest] = file.split('/')
    if (room === undefined || rest.length === 0 || file.endsWith('.test.ts')) continue
    const text = readFileSync(join(src, file), 'utf8')
    for (const [, path = ''] of text.matchAll(/(?:from|import)\s*\(?'(\.[^']+)'/g)) {
      const [other] = join(file, '..', path).split('/')
      if (other === undefined || other === room) continue
      found.add(`${room} uses ${other}`)
      assert.ok(mayUse[room]?.includes(other), `src/${file} uses ${path}: ${room} may not use ${other}`)
    }
  }
  assert.ok(found.has('feed uses sink'), 'imports are found')
})

// Which room may use which: the list in ARCHITECTURE.md is the only one, and a new arrow is a decision. Tests may use
// every room. That no files use each other in a ring is a rule of the linter (import/no-cycle).

import assert from 'node:assert/strict'
import { globSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const src = fileURLToPath(new URL('../src', import.meta.url))
const architecture = readFileSync(new URL('../ARCHITECTURE.md', import.meta.url), 'utf8')

/** Each line of the list is a room, an arrow, and the rooms that it may use. */
const mayUse = new Map(
  [...architecture.matchAll(/^([\w-]+) +→ *(.*)$/gm)].map(([, room = '', others = '']) => [
    room,
    others.split(' ').filter((other) => other !== ''),
  ]),
)

interface Import {
  /** Files below src. */
  readonly from: string
  readonly to: string
}

/** What the files of the program import from each other. Tests may import everything. */
function imports(): readonly Import[] {
  const files = globSync('**/*.ts', { cwd: src }).filter((file) => !file.endsWith('.test.ts'))
  return files.flatMap((from) => {
    const text = readFileSync(join(src, from), 'utf8')
    return [...text.matchAll(/(?:from|import)\s*\(?'(\.[^']+)'/g)].map(([, path = '']) => ({
      from,
      to: join(from, '..', path),
    }))
  })
}

/** `room → other`, with a file that shows it. */
function arrows(): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const { from, to } of imports()) {
    const [room, inside] = from.split('/')
    const [other] = to.split('/')
    if (inside !== undefined && other !== room) found.set(`${room} → ${other}`, `src/${from} uses ${to}`)
  }
  return found
}

test('rooms use only the rooms that ARCHITECTURE.md allows them', () => {
  const found = arrows()
  assert.ok(found.has('feed → sink'), 'imports are found')
  for (const [arrow, where] of found) {
    const [room = '', other = ''] = arrow.split(' → ')
    assert.ok(mayUse.get(room)?.includes(other), `${where}: ${room} may not use ${other}`)
  }
})

test('the server knows no PostgreSQL but the one that it is given: only the commands start the embedded one', () => {
  const users = globSync('**/*.ts', { cwd: src }).filter(
    (file) =>
      !file.endsWith('.test.ts') &&
      !file.startsWith('postgres/embedded/') &&
      readFileSync(join(src, file), 'utf8').includes('/embedded/'),
  )
  assert.deepEqual([...new Set(users.map((file) => file.split('/')[0]))], ['cli'])
})

test('a changelog is opened by its handle: no room but the commands, which print its files, knows that it is files', () => {
  const users = imports().filter(({ from, to }) => to.startsWith('changelog/files/') && !from.startsWith('changelog/'))
  assert.deepEqual([...new Set(users.map(({ from }) => from.replace(/[^/]*$/, '')))], ['cli/debug/'])
})

test('the folder of a sink or of a format is known to the list of its room and to no other file outside', () => {
  const isOwn = /^(?:sink\/(?!batching\/)|encode\/)([\w-]+)\//
  const found = imports()
    .filter(({ to }) => isOwn.test(to))
    .filter(({ from, to }) => isOwn.exec(from)?.[0] !== isOwn.exec(to)?.[0])
    .map(({ from, to }) => `${from} uses ${to}`)
  assert.ok(found.includes('sink/sinks.ts uses sink/kafka/facts.ts'), 'imports are found')
  assert.deepEqual(
    found.filter((use) => !/^(?:sink\/sinks|encode\/formats)\.ts uses \w+\/[\w-]+\/facts\.ts$/.test(use)),
    [],
  )
})

test('what a sink loads when it is needed does not use the file that loads it', () => {
  const texts = (file: string): string => readFileSync(join(src, file), 'utf8')
  const used = Map.groupBy(imports(), ({ from }) => from)
  const lazy = [...used.keys()]
    .filter((file) => file.startsWith('sink/'))
    .flatMap((from) =>
      [...texts(from).matchAll(/import\('(\.[^']+)'\)/g)].map(([, path = '']) => ({
        from,
        to: join(from, '..', path),
      })),
    )
  assert.ok(
    lazy.some(({ from }) => from === 'sink/storage/s3/kind.ts'),
    'imports are found',
  )
  for (const { from, to } of lazy) {
    const seen = new Set([to])
    // What is added while the set is gone through is gone through, too.
    for (const file of seen) for (const { to: next } of used.get(file) ?? []) seen.add(next)
    assert.ok(!seen.has(from), `src/${from} loads ${to}, which uses it`)
  }
})

test('every arrow that ARCHITECTURE.md allows is used', () => {
  const found = arrows()
  const allowed = [...mayUse].flatMap(([room, others]) => others.map((other) => `${room} → ${other}`))
  assert.deepEqual(
    allowed.filter((arrow) => !found.has(arrow)),
    [],
  )
})

test('a room uses only rooms that stand above it in the list, so that rooms form no ring', () => {
  const above = new Set<string>()
  for (const [room, others] of mayUse) {
    for (const other of others) assert.ok(above.has(other), `${room} → ${other}: ${other} does not stand above ${room}`)
    above.add(room)
  }
})

test('ARCHITECTURE.md lists and describes every room of src', () => {
  const rooms = readdirSync(src, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
  assert.deepEqual([...mayUse.keys()].sort(), rooms)
  const rows = architecture.split('\n').filter((line) => line.startsWith('| `'))
  const described = rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`(?:src\/)?([\w-]+)`/g)])
  assert.deepEqual(described.map(([, room]) => room).sort(), rooms)
})

// Calls of our functions in a source database are made in one place, from one list.

import assert from 'node:assert/strict'
import { globSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { calledFunctions, functionNames } from './functions.ts'
import { installFiles, readSqlFile, type SqlFile } from './sql-files.ts'

const src = fileURLToPath(new URL('..', import.meta.url))
const sources = globSync('**/*.ts', { cwd: src }).filter((file) => !file.endsWith('.test.ts'))

test('nobody but call.ts writes the call of a function of ours into SQL', () => {
  const written = new RegExp(`changefeed\\.(${functionNames.join('|')})\\(`)
  // The comment in table.ts says which function writes the JSON.
  const found = sources.filter((file) =>
    written.test(readFileSync(join(src, file), 'utf8').replaceAll(/^ *\/\/.*$/gm, '')),
  )
  assert.deepEqual(found, [])
})

test('the list of functions that the server calls contains exactly those that it calls', () => {
  const texts = sources.map((file) => readFileSync(join(src, file), 'utf8')).join('\n')
  const called = functionNames.filter((name) => new RegExp(`\\b(?:call|rowsOf\\(\\w+,)\\(?\\s*'${name}'`).test(texts))
  assert.deepEqual(called, Object.keys(calledFunctions))
})

test('every SQL file runs at an installation or a removal, and its head says what it is for and which rights it needs', () => {
  const files = readdirSync(join(src, 'source-schema', 'sql')).map((file) => file.replace(/\.sql$/, ''))
  assert.deepEqual(files.toSorted(), [...installFiles, 'remove'].toSorted())
  for (const file of files) {
    const head = /^((?:--.*\n)+)\n/.exec(readSqlFile(file as SqlFile))?.[1] ?? ''
    assert.match(head, /^-- [A-Z][^]+\n--\n-- Rights: [a-zA-Z][^]+\.\n$/, file)
  }
})

// The table of error codes and the source: neither names a code that the other does not have.

import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { codes } from './codes.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

function found(pattern: RegExp, files: readonly string[]): ReadonlySet<string> {
  return new Set(files.flatMap((file) => Array.from(read(file).matchAll(pattern), ([, code = '']) => code)))
}

const inSource = globSync('src/**/*.ts', { cwd: root }).filter((file) => file !== 'src/errors/codes.ts')

test('every error code that the source, the tests or the pages name is in the table', () => {
  const others = globSync(['test/**/*.ts', 'bench/**/*.ts', 'docs/**/*.md', '*.md'], { cwd: root })
  const named = found(/(?<![A-Z_])(FEED_[A-Z]+(?:_[A-Z]+)*)\b/g, [...inSource, ...others])
  assert.ok(named.size > 20, 'codes are found')
  assert.deepEqual(
    [...named].filter((code) => !Object.hasOwn(codes, code)),
    [],
  )
})

test('every error code in the table is thrown somewhere', () => {
  const files = inSource.filter((file) => !file.endsWith('.test.ts'))
  const thrown = found(/new FeedError\(\s*'(\w+)'/g, files)
  assert.deepEqual(
    Object.keys(codes).filter((code) => !thrown.has(code)),
    [],
  )
})

test('one place decides about errors that are not ours', () => {
  const places = inSource.filter((file) => !file.endsWith('.test.ts') && read(file).includes("'FEED_UNEXPECTED', "))
  assert.deepEqual(places, ['src/errors/feed-error.ts'])
})

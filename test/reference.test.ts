// The pages of docs/reference that are generated are as their tables say, and links between pages lead somewhere.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { firstWords } from '../src/sql/parse/statement.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

test('the generated pages of docs/reference are as their tables in the source say', () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/reference.ts', '--check'], {
    cwd: root,
    encoding: 'utf8',
  })
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
})

/** The anchor of a heading, as GitHub makes it. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_ -]/gu, '')
    .replaceAll(' ', '-')
}

test('every link from a page to another leads to a file and to a heading that are there', () => {
  for (const page of globSync(['*.md', 'docs/**/*.md'], { cwd: root })) {
    const text = readFileSync(join(root, page), 'utf8')
    for (const [, to = '', part] of text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)]*))?\)/g)) {
      const path = to === '' ? join(root, page) : join(root, dirname(page), to)
      assert.ok(existsSync(path), `${page} links to ${to}`)
      if (part === undefined) continue
      const headings = [...readFileSync(path, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
        anchor(heading),
      )
      assert.ok(headings.includes(part), `${page} links to ${to}#${part}`)
    }
  }
})

test('every file and folder of the source that a page for contributors names is there', () => {
  const cwd = root
  const there = globSync(['*', '{bench,bin,docs,kernel,scripts,src,test}/**', 'console/src/**'], { cwd })
  for (const page of globSync(['ARCHITECTURE.md', 'CONTRIBUTING.md', 'docs/internals/*.md'], { cwd })) {
    const text = readFileSync(join(root, page), 'utf8')
    for (const [, name = ''] of text.matchAll(
      /`((?:[\w-]+\/)*[\w.-]+\.(?:js|json|md|sql|ts)|(?:bench|docs|kernel|scripts|src|test)\/[\w./-]+)`/g,
    )) {
      // `x.test.ts` and the like are patterns.
      const isThere = name.startsWith('x.') || there.some((path) => path === name || path.endsWith(`/${name}`))
      assert.ok(isThere, `${page} names ${name}`)
    }
  }
})

test('docs/reference/statements.md names every statement of ours', () => {
  const lines = readFileSync(join(root, 'docs/reference/statements.md'), 'utf8').split('\n')
  const otherForms =
    /^show .*(?:queries|statements)$|^show public|^show automatic|^(?:re)?set session|^discard|^deallocate|^alter default|^alter event/
  for (const words of firstWords) {
    if (otherForms.test(words.join(' '))) continue
    // A line may name several: PAUSE | RESUME | CANCEL JOB.
    const named = new RegExp(words.map((word) => `\\b${word}\\b`).join('.*'), 'i')
    assert.ok(
      lines.some((line) => named.test(line)),
      `the page does not name ${words.join(' ').toUpperCase()}`,
    )
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LastingTrouble } from './lasting-trouble.ts'

test('the first failure is quiet, the next are warnings, and what lasts for minutes is an error with its beginning', () => {
  let nowMs = 0
  const trouble = new LastingTrouble(() => nowMs)
  assert.equal(trouble.over(), false)
  const levels = Array.from({ length: 8 }, () => {
    const { level, since } = trouble.failed()
    nowMs += 60_000
    return since === undefined ? level : `${level} since ${since}`
  })
  const lasts = 'error since 1970-01-01T00:00:00.000Z'
  assert.deepEqual(levels, ['info', 'warn', 'warn', 'warn', 'warn', lasts, lasts, lasts])
  assert.equal(trouble.over(), true)
  assert.equal(trouble.failed().level, 'info')
})

import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { settingNames } from './known-settings.ts'
import { factsOfSetting } from './settings.ts'

test('the program reads exactly the settings whose descriptions do not say "without effect"', () => {
  const cwd = fileURLToPath(new URL('..', import.meta.url))
  const files = globSync('**/*.ts', { cwd }).filter((file) => !file.endsWith('.test.ts'))
  const source = files.map((file) => readFileSync(join(cwd, file), 'utf8')).join('\n')
  for (const name of settingNames) {
    const hasEffect = !factsOfSetting(name).description.includes('without effect')
    assert.equal(new RegExp(`settings\\.get\\(\\s*'${RegExp.escape(name)}'`).test(source), hasEffect, name)
  }
})

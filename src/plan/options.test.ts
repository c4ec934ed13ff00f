import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { sinks } from '../sink/sinks.ts'
import { factsOf, optionNames, options, type OptionName } from './options.ts'

test('the options, formats and envelopes that sinks name are there, and an option that is not for all has its sinks', () => {
  const named = new Set(sinks.flatMap(({ options: own }) => (own === 'all' ? [] : own)))
  const special = optionNames.filter((name) => factsOf(name).sinks === 'some')
  assert.deepEqual([...named].sort(), special.sort())
  const formats: readonly string[] = options.format.values
  const envelopes: readonly string[] = options.envelope.values
  for (const { tag, withoutFormats = [], withoutEnvelopes = [] } of sinks) {
    assert.deepEqual(
      withoutFormats.filter((name) => !formats.includes(name)),
      [],
      tag,
    )
    assert.deepEqual(
      withoutEnvelopes.filter((name) => !envelopes.includes(name)),
      [],
      tag,
    )
  }
})

test('every option that is built is read, except those that say that they have no effect', () => {
  const cwd = fileURLToPath(new URL('..', import.meta.url))
  const files = globSync('{plan,server,sink}/**/*.ts', { cwd }).filter((file) => !/options\.ts$|\.test\.ts$/.test(file))
  const source = files.map((file) => readFileSync(join(cwd, file), 'utf8')).join('\n')
  const hasEffect = (name: OptionName): boolean => {
    const { about, built } = factsOf(name)
    // With a single value that is built there is nothing to choose.
    return built !== false && built?.length !== 1 && !/without effect|no effect/.test(about)
  }
  const unread = optionNames.filter((name) => hasEffect(name) && !source.includes(`'${name}'`))
  assert.deepEqual(unread, [])
})

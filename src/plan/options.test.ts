import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sinks } from '../sink/sinks.ts'
import { factsOf, optionNames, options } from './options.ts'

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

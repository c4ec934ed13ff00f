import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formats } from '../encode/formats.ts'
import { factsOf, isOptionName, optionNames } from './options.ts'

test('what formats say about options names options that there are', () => {
  for (const { name, options, withoutOptions, excludedOptions, wrappedOptions, neededOption } of formats) {
    const named = [options, withoutOptions, excludedOptions, wrappedOptions, neededOption].flatMap(
      (names) => names ?? [],
    )
    for (const option of named) assert.ok(isOptionName(option), `format ${name} names ${option}`)
    for (const option of options ?? []) {
      assert.ok(isOptionName(option) && factsOf(option).formats === 'some', `every format takes ${option}`)
    }
  }
  for (const option of optionNames.filter((name) => factsOf(name).formats === 'some')) {
    assert.ok(
      formats.some(({ options }) => options?.includes(option)),
      `no format takes ${option}`,
    )
  }
})

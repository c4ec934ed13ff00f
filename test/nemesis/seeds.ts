// Which seeds run: NEMESIS_SEEDS is a number of them from 1 on, or `first-last`.

export function seedsToRun(usual: number): readonly number[] {
  const text = process.env['NEMESIS_SEEDS'] ?? String(usual)
  const [first, last] = (text.includes('-') ? text : `1-${text}`).split('-').map(Number)
  if (first === undefined || last === undefined || !(first >= 1) || !(last >= first - 1))
    throw new Error(`NEMESIS_SEEDS is "${text}", and neither a number nor first-last`)
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}

export function formatsToRun(): readonly ('json' | 'avro')[] {
  const only = process.env['NEMESIS_FORMAT']
  const formats = (['json', 'avro'] as const).filter((format) => only === undefined || format === only)
  if (formats.length === 0) throw new Error(`NEMESIS_FORMAT is "${only}", and neither json nor avro`)
  return formats
}

/** What to run to see a seed fail again. Chance is the same; the moments at which things meet are not. */
export function repeatSeed(seed: number, file: string): string {
  const segment = process.env['CHANGEFEED_TEST_SEGMENT_BYTES']
  const small = segment === undefined ? '' : `CHANGEFEED_TEST_SEGMENT_BYTES=${segment} `
  return `${small}NEMESIS_SEEDS=${seed}-${seed} node bin/node.js scripts/test.ts ${file}`
}

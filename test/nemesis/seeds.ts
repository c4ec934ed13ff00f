// Which seeds run, and in which formats.

export type NemesisFormat = 'json' | 'avro'

/** `text`: a number of seeds from 1 on, or `first-last`. */
export function readSeeds(text: string): readonly number[] {
  const [first, last] = (text.includes('-') ? text : `1-${text}`).split('-').map(Number)
  if (first === undefined || last === undefined || !(first >= 1) || !(last >= first - 1))
    throw new Error(`the seeds are "${text}", and neither a number nor first-last`)
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}

/** NEMESIS_SEEDS says them. */
export function seedsToRun(usual: number): readonly number[] {
  return readSeeds(process.env['NEMESIS_SEEDS'] ?? String(usual))
}

/** NEMESIS_FORMAT says one of them; otherwise all run. */
export function formatsToRun(all: readonly NemesisFormat[]): readonly NemesisFormat[] {
  const only = process.env['NEMESIS_FORMAT']
  const formats = all.filter((format) => only === undefined || format === only)
  if (formats.length === 0) throw new Error(`NEMESIS_FORMAT is "${only}", and none of ${all.join(', ')}`)
  return formats
}

/** What to run to see a seed fail again. Chance is the same; the moments at which things meet are not. */
export function repeatSeed(seed: number, file: string): string {
  const segment = process.env['CHANGEFEED_TEST_SEGMENT_BYTES']
  const small = segment === undefined ? '' : `CHANGEFEED_TEST_SEGMENT_BYTES=${segment} `
  return `${small}NEMESIS_SEEDS=${seed}-${seed} node bin/node.js scripts/test.ts ${file}`
}

// `npm run nemesis -- SINK`: the nemesis over a sink (`core` is a changefeed on a connection), seed after seed from 1 on, in each of its
// formats, for ten minutes or until one fails. `--seeds=FIRST-LAST` runs these seeds, or fewer with `--minutes=N`. What to run to see a
// failed seed again is printed.

import { parseArgs } from 'node:util'
import { nemeses, type NemesisName } from '../test/nemesis/far-ends.ts'
import { reporting } from '../test/nemesis/report.ts'
import { formatsToRun, readSeeds } from '../test/nemesis/seeds.ts'

const defaultMinutes = '10'
const names = Object.keys(nemeses)
const usage = `npm run nemesis -- ${names.join('|')} [--seeds=FIRST-LAST] [--minutes=N] [--disturbances=N]`

function fail(why: string): never {
  console.error(`${why}\n${usage}`)
  process.exit(2)
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seeds: { type: 'string' }, minutes: { type: 'string' }, disturbances: { type: 'string' } },
})
const [name = ''] = positionals
if (positionals.length !== 1 || !names.includes(name))
  fail(positionals.length === 1 ? `there is no nemesis over ${name}` : 'name one sink')

const { file, skip, formats, start, ...usual } = nemeses[name as NemesisName]
if (skip !== false) fail(skip)
const disturbances = Number(values.disturbances ?? usual.disturbances)
const minutes = Number(values.minutes ?? (values.seeds === undefined ? defaultMinutes : 'Infinity'))
if (!(disturbances >= 1) || !(minutes > 0)) fail('minutes and disturbances are numbers from 1 on')
const chosen = formatsToRun(formats)

function* seedsFrom(text: string | undefined): Generator<number> {
  if (text !== undefined) return yield* readSeeds(text)
  for (let seed = 1; ; seed++) yield seed
}

await using nemesis = await start()
const { server } = nemesis
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    // Its servers end, and its folders go, also when it is interrupted.
    void Promise.resolve(nemesis[Symbol.asyncDispose]()).finally(() => process.exit(1))
  })
const endsAtMs = Date.now() + minutes * 60_000
for (const seed of seedsFrom(values.seeds)) {
  if (Date.now() >= endsAtMs) break
  for (const format of chosen) {
    const run = { seed, format, disturbances, said: [] }
    console.log(await reporting({ server, file, ...run }, () => nemesis.run(run)))
    // Its ingest would go on beside the next run.
    await server.sql(`DROP DATABASE ${nemesis.database(run)} WITH (FORCE)`)
  }
}

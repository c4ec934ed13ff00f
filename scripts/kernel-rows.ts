// `npm run kernel -- --minutes=N`: holds the kernel and the reference encoder against each other, seed after seed. A seed that fails is
// printed; `--seed=N` runs it alone.

import { parseArgs } from 'node:util'
import { compareCopied, compareRecords } from '../test/kernel/both-encoders.ts'

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '1' }, seed: { type: 'string' } } })
const minutes = Number(values.minutes)
const only = values.seed === undefined ? undefined : Number(values.seed)
if (!(minutes > 0) || Number.isNaN(only)) {
  console.error('npm run kernel -- [--minutes=N] [--seed=N]')
  process.exit(2)
}

const endsAtMs = Date.now() + minutes * 60_000
let seed = only ?? Date.now() % 1_000_000_000
let messages = 0
let byKernel = 0
console.log(`seeds from ${seed} on`)
while (Date.now() < endsAtMs) {
  for (const compare of [compareRecords, compareCopied]) {
    const compared = await compare(seed)
    messages += compared.messages
    byKernel += compared.byKernel
  }
  if (only !== undefined) break
  seed += 1
}
console.log(`${messages} messages are the same, ${byKernel} of them by the kernel; the last seed was ${seed}`)

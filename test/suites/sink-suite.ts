// Every promise of src/sink/sink.ts as a test, for every sink. A sink calls `sinkSuite` from the tests of its own folder
// with a kit (sink-kit.ts). Promises about a far end that breaks are tested where the sink's far end can break.

import { after, before, describe } from 'node:test'
import { sinkBatches } from './sink-batches.ts'
import { sinkCounts } from './sink-counts.ts'
import { sinkCloses } from './sink-closes.ts'
import { sinkDelivers } from './sink-delivers.ts'
import { sinkInTrouble } from './sink-in-trouble.ts'
import type { SinkKit } from './sink-kit.ts'

export function sinkSuite(name: string, kit: SinkKit): void {
  const { skip = false } = kit
  describe(`the sink ${name}`, () => {
    before(async () => {
      if (skip === false) await kit.start?.()
    })
    after(async () => kit.end?.())
    sinkDelivers(kit)
    sinkBatches(kit)
    sinkCounts(kit)
    sinkInTrouble(kit)
    sinkCloses(kit)
  })
}

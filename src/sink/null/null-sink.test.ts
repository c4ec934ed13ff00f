import type { SinkKit } from '../../../test/suites/sink-kit.ts'
import { sinkSuite } from '../../../test/suites/sink-suite.ts'
import { NullSink } from './open.ts'

const kit: SinkKit = {
  destination: () => Promise.resolve({ open: (_signal, meter) => Promise.resolve(new NullSink(meter)) }),
  resolvedMessages: () => 0,
  keepsNilValues: false,
}

sinkSuite('null', kit)

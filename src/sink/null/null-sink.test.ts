import type { SinkKit } from '../../../test/suites/sink-kit.ts'
import { sinkSuite } from '../../../test/suites/sink-suite.ts'
import { NullSink } from './open.ts'

const kit: SinkKit = {
  destination: () => Promise.resolve({ open: () => Promise.resolve(new NullSink()) }),
  resolvedMessages: () => 0,
  keepsNilValues: false,
}

sinkSuite('null', kit)

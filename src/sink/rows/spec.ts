// The sink of a changefeed without INTO as data.

import type { SinkSpec, ValueFormat } from '../../core/feed-spec.ts'

export interface RowsSinkSpec extends SinkSpec {
  readonly tag: 'rows'
  /** How the client wants the columns table, key and value. */
  readonly formats: readonly [ValueFormat, ValueFormat, ValueFormat]
}

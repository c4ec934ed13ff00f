// The sink of a changefeed without INTO as data.

import type { SinkSpec, ValueFormat } from '../../core/feed-spec.ts'

export interface RowsSinkSpec extends SinkSpec {
  readonly tag: 'rows'
  /** How the client wants the columns table, key and value. */
  readonly formats: readonly [ValueFormat, ValueFormat, ValueFormat]
  /**
   * Of a longer key or value the rest is left out, and a line with the number of bytes that are missing follows. The client has asked for it; a
   * JSON value has no line break of its own. Undefined: nothing is left out.
   */
  readonly mostValueBytes?: number | undefined
}

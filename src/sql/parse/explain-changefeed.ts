// EXPLAIN CHANGEFEED FOR targets [INTO value] [WITH options]

import type { ExplainChangefeed } from '../ast.ts'
import { parseChangefeed } from './create-changefeed.ts'
import type { Cursor } from './cursor.ts'

/** Parses what follows EXPLAIN CHANGEFEED. */
export function parseExplainChangefeed(cursor: Cursor): ExplainChangefeed {
  return { tag: 'explain-changefeed', changefeed: parseChangefeed(cursor, false) }
}

// The specification of a feed for tests and benches: the plainest one, with what the caller wants otherwise.

import type { FeedSpec } from '../../src/core/feed-spec.ts'

export function specOf(wanted: Partial<FeedSpec>): FeedSpec {
  return {
    id: 'f',
    database: 'd',
    targets: [{ relid: 1, topic: 't', tableName: 't' }],
    format: 'json',
    envelope: 'wrapped',
    updated: false,
    mvccTimestamp: false,
    diff: false,
    keyInValue: false,
    topicInValue: false,
    encodeJsonNullAsObject: false,
    resolvedIntervalMs: undefined,
    minCheckpointMs: 30_000,
    initialScan: 'yes',
    cursor: undefined,
    endTime: undefined,
    sink: { tag: 'null' },
    ...wanted,
  }
}

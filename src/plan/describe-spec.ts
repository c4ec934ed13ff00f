// A feed in one line, for logs. Nothing secret is in a spec, and nothing that grows with the data.

import type { FeedSpec } from '../core/feed-spec.ts'
import { formatHlc } from '../core/hlc.ts'

export function describeSpec(spec: FeedSpec): string {
  const topics = spec.targets.map((target) => target.topic).join(', ')
  const words = [`feed ${spec.id} on ${spec.database}: ${topics}`, `${spec.format} ${spec.envelope}`]
  const flags: readonly (readonly [boolean, string])[] = [
    [spec.updated, 'updated'],
    [spec.mvccTimestamp, 'mvcc_timestamp'],
    [spec.diff, 'diff'],
    [spec.keyInValue, 'key_in_value'],
    [spec.topicInValue, 'topic_in_value'],
    [spec.encodeJsonNullAsObject, 'encode_json_value_null_as_object'],
  ]
  for (const [on, name] of flags) if (on) words.push(name)
  if (spec.resolvedIntervalMs !== undefined) words.push(`resolved ${spec.resolvedIntervalMs} ms`)
  words.push(`checkpoint ${spec.minCheckpointMs} ms`, `scan ${spec.initialScan}`)
  if (spec.cursor !== undefined) words.push(`after ${formatHlc(spec.cursor)}`)
  if (spec.endTime !== undefined) words.push(`until ${formatHlc(spec.endTime)}`)
  words.push(`into ${spec.sink.tag}`)
  return words.join(', ')
}

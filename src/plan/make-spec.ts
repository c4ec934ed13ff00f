// Makes the specification of a feed from a statement whose options and tables have passed their checks. The parameters of
// the sink are checked here.

import type { FeedSpec, FeedTarget, SinkSpec } from '../core/feed-spec.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { TargetFacts } from './catalogue.ts'
import { readExtraHeaders } from './extra-headers.ts'
import { labelOf } from './metrics-label.ts'
import { checkpointNanos, durationOf, envelopeOf, formatOf, scanOf, schemaChangesOf } from './option-values.ts'
import { isOptionName } from './options.ts'
import type { PlanContext } from './plan-context.ts'
import { avroPrefixOf, checkSubjects, registryOf } from './registry-options.ts'
import { isOn, type ReadOptions } from './read-options.ts'
import { factsOfSink } from '../sink/sinks.ts'
import type { FeedTimes } from './times.ts'

export function targetsOf({ given }: ReadOptions, tables: readonly TargetFacts[]): FeedTarget[] {
  const full = given.has('full_table_name')
  return tables.map((table) => ({
    relid: table.relid,
    topic: full ? `${table.database}.${table.schema}.${table.name}` : table.name,
    tableName: table.name,
  }))
}

export interface SpecParts {
  readonly read: ReadOptions
  readonly context: PlanContext
  readonly times: FeedTimes
  readonly tables: readonly TargetFacts[]
  readonly targets: readonly FeedTarget[]
  readonly sink: SinkSpec
}

export function specOf({ read, context, times, tables, targets, sink }: SpecParts): FeedSpec {
  const { given } = read
  const envelope = envelopeOf(given)
  if (envelope === 'bare' || envelope === 'enriched')
    throw new FeedError('FEED_BUG', `envelope ${envelope} passed the checks`)
  const resolvedNanos = durationOf(given, 'resolved')
  const wrapped = envelope === 'wrapped'
  const topics = factsOfSink(sink).topics?.(sink)
  checkSubjects(given, targets)
  return {
    id: context.id,
    database: tables[0]?.database ?? context.database,
    targets: targets.map((target, i) => withTopic(target, topics?.[i])),
    format: formatOf(given).name,
    envelope,
    updated: isOn(given, 'updated'),
    mvccTimestamp: isOn(given, 'mvcc_timestamp'),
    // If the envelope has no place for the previous row, the source need not log it.
    diff: isOn(given, 'diff') && wrapped,
    keyInValue: isOn(given, 'key_in_value') || isForced('key_in_value', read),
    topicInValue: isOn(given, 'topic_in_value') || isForced('topic_in_value', read),
    encodeJsonNullAsObject: isOn(given, 'encode_json_value_null_as_object'),
    resolvedIntervalMs: resolvedNanos === undefined ? undefined : milliseconds(resolvedNanos),
    minCheckpointMs: milliseconds(checkpointNanos(read)),
    initialScan: scanOf(given),
    cursor: times.cursor,
    endTime: times.endTime,
    scope: labelOf(given.get('metrics_label')),
    sink,
    schemaChanges: schemaChangesOf(given),
    registry: registryOf(given),
    avroSchemaPrefix: avroPrefixOf(given),
    ...(tables.some(({ takesAnyBytes }) => takesAnyBytes) ? { takesAnyBytes: true } : {}),
  }
}

/** Whether the sink turns the option on, and messages have a place for it. */
function isForced(name: 'key_in_value' | 'topic_in_value', { given, sink: { facts } }: ReadOptions): boolean {
  if (facts.forcedOptions?.includes(name) !== true) return false
  const { withoutOptions = [], excludedOptions = [] } = formatOf(given)
  return envelopeOf(given) === 'wrapped' && ![...withoutOptions, ...excludedOptions].includes(name)
}

/** If the sink has topics, messages use their names. */
function withTopic(target: FeedTarget, topic = target.topic): FeedTarget {
  return topic === target.topic ? target : { ...target, topic, name: target.topic }
}

/** Reads what the statement says about its sink, also if the sink is not built: `checkBuilt` refuses that later. */
export function sinkSpec({ read, context, tables, targets }: Omit<SpecParts, 'times' | 'sink'>): SinkSpec {
  const { given } = read
  const { facts, ...uri } = read.sink
  return facts.readSpec({
    ...uri,
    headers: readExtraHeaders(given.get('extra_headers')),
    tables: targets.map(({ topic, tableName }, i) => ({ topic, tableName, keyColumns: tables[i]?.primaryKey ?? [] })),
    option: (name) => (isOptionName(name) ? given.get(name) : undefined),
    rowFormats: context.rowFormats,
    mostValueBytes: context.mostValueBytes,
  })
}

function milliseconds(nanos: bigint): number {
  return Number(nanos) / 1e6
}

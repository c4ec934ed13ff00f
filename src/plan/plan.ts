// From a parsed CREATE CHANGEFEED to a FeedSpec, or to the one error that matters most.
//
// Pure: no clock, no database, no randomness; the caller gives them as values. Because target names can only be
// resolved by the database, planning has two halves, and the caller asks the catalogue in between:
//
//   const opening = openPlan(statement, context)
//   const catalogue = await resolveTargets(statement.targets, context.database, queryIn)
//   const plan = closePlan(opening, catalogue)
//
// The order of the checks is the contract: a statement with several faults reports the first in this order, the order
// CockroachDB has. It is kept here and nowhere else. Nothing is tried on a sink or changed in the database: the
// statements in `tableChanges` are for the caller to run before it starts the feed.

import type { FeedSpec, FeedTarget, SinkSpec, ValueFormat } from '../core/feed-spec.ts'
import type { Hlc } from '../core/hlc.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { CreateChangefeed } from '../sql/ast.ts'
import type { Catalogue, TargetFacts } from './catalogue.ts'
import { identityChange, type IdentityChange } from './identity.ts'
import { keyChange, keyNotice, keySql, withKey } from './key-change.ts'
import { checkMetricsLabel, labelOf } from './metrics-label.ts'
import { checkpointNanos, durationOf, noticesOf, type Notice } from './notices.ts'
import { checkBuilt, checkEncoder, checkRelations, checkSink, envelopeOf, scanOf } from './option-relations.ts'
import { checkPrerequisites, type Prerequisites } from './prerequisites.ts'
import { isOn, readOptions, type Parameters, type ReadOptions } from './read-options.ts'
import { readExtraHeaders } from './extra-headers.ts'
import { kafkaSinkSpec } from './kafka-sink-config.ts'
import { checkNullSinkParameters, checkSqlSinkParameters } from './sink-uri.ts'
import { checkTargets, type Creator } from './targets.ts'
import { checkCursorAge, checkEndTime, readTimes, type FeedTimes } from './times.ts'

export interface PlanContext {
  /** The feed's id. */
  readonly id: string
  readonly parameters: Parameters
  /** The time of the statement, on the source's clock. */
  readonly now: Hlc
  /** The session's. */
  readonly database: string
  readonly user: string
  /** The rights of `user`. */
  readonly creator: Creator
  readonly prerequisites: Prerequisites
  /** The database is of the single node's dialect, where tables without a primary key get one. */
  readonly makesKeys: boolean
  /** How the client wants the three columns of a feed without INTO. */
  readonly rowFormats: readonly [ValueFormat, ValueFormat, ValueFormat]
}

/** A statement that is right as far as its own words tell. */
export interface Opening {
  readonly statement: CreateChangefeed
  readonly context: PlanContext
  readonly read: ReadOptions
  readonly times: FeedTimes
}

export interface Plan {
  readonly spec: FeedSpec
  readonly notices: readonly Notice[]
  readonly tables: readonly TargetFacts[]
  /** To be run, in this order, on each table before it is first watched. */
  readonly tableChanges: readonly IdentityChange[]
}

export function openPlan(statement: CreateChangefeed, context: PlanContext): Opening {
  const read = readOptions(statement, context.parameters)
  checkPrerequisites(context.prerequisites)
  const times = readTimes(read.given, context.now)
  return { statement, context, read, times }
}

/** `oldestCursor`: see `checkCursorAge`; the feed checks once more when it opens the log. */
export function closePlan(opening: Opening, catalogue: Catalogue, oldestCursor?: Hlc): Plan {
  const { statement, context, read, times } = opening
  const { given, sink } = read
  const reader = {
    user: context.user,
    creator: sink.kind === 'sinkless' ? undefined : context.creator,
    makesKeys: context.makesKeys,
  }
  const found = checkTargets(statement.targets, catalogue, reader)
  const tables = found.map(withKey)
  checkRelations(given)
  checkEndTime(times, given)
  checkEncoder(given, tables)
  checkMetricsLabel(given.get('metrics_label'))
  checkSink(read)
  if (sink.kind === 'sql') checkSqlSinkParameters(read.sinkText ?? '', read.sinkPosition)
  checkBuilt(read)
  readExtraHeaders(given.get('extra_headers'))
  if (sink.kind === 'null') checkNullSinkParameters(read.sinkText ?? '', read.sinkPosition)
  checkCursorAge(times, given, oldestCursor)

  const spec = specOf(opening, tables)
  const identityChanges = tables.flatMap((table) => identityChange(table, spec.diff) ?? [])
  const keyChanges = found.flatMap((table) => {
    const change = keyChange(table)
    return change === undefined ? [] : [{ table, change }]
  })
  const notices = noticesOf({
    read,
    kafka: spec.sink.tag === 'kafka' ? spec.sink : undefined,
    times,
    now: context.now,
    tables,
    keyChanges: keyChanges.map(({ table, change }) => keyNotice(table, change)),
    identityChanges: identityChanges.map((change) => change.sql),
  })
  // The key comes first: what a table logs of its old rows may depend on it.
  const tableChanges = [
    ...keyChanges.map(({ table, change }) => ({ relid: table.relid, sql: keySql(table.relid, change) })),
    ...identityChanges,
  ]
  return { spec, notices, tables, tableChanges }
}

/** Both halves, for callers that have the catalogue at hand. */
export function planChangefeed(
  statement: CreateChangefeed,
  context: PlanContext & { readonly catalogue: Catalogue },
): Plan {
  return closePlan(openPlan(statement, context), context.catalogue)
}

function specOf({ context, read, times }: Opening, tables: readonly TargetFacts[]): FeedSpec {
  const { given } = read
  const envelope = envelopeOf(given)
  if (envelope === 'bare' || envelope === 'enriched')
    throw new FeedError('FEED_BUG', `envelope ${envelope} passed the checks`)
  const resolvedNanos = durationOf(given, 'resolved')
  const full = given.has('full_table_name')
  const wrapped = envelope === 'wrapped'
  const targets = tables.map((table) => ({
    relid: table.relid,
    topic: full ? `${table.database}.${table.schema}.${table.name}` : table.name,
    tableName: table.name,
  }))
  const sink = sinkSpec(context, read, targets, tables)
  return {
    id: context.id,
    database: tables[0]?.database ?? context.database,
    // Where a sink has topics, messages name them as they are there.
    targets:
      sink.tag === 'kafka'
        ? targets.map((target, i) => ({ ...target, topic: sink.topics[i] ?? target.topic }))
        : targets,
    format: 'json',
    envelope,
    updated: isOn(given, 'updated'),
    mvccTimestamp: isOn(given, 'mvcc_timestamp'),
    // Where the envelope has no place for the previous row, asking the source for it would only cost.
    diff: isOn(given, 'diff') && wrapped,
    keyInValue: isOn(given, 'key_in_value'),
    topicInValue: isOn(given, 'topic_in_value'),
    encodeJsonNullAsObject: isOn(given, 'encode_json_value_null_as_object'),
    resolvedIntervalMs: resolvedNanos === undefined ? undefined : milliseconds(resolvedNanos),
    minCheckpointMs: milliseconds(checkpointNanos(read)),
    initialScan: scanOf(given),
    cursor: times.cursor,
    endTime: times.endTime,
    scope: labelOf(given.get('metrics_label')),
    sink,
  }
}

function sinkSpec(
  context: PlanContext,
  read: ReadOptions,
  targets: readonly FeedTarget[],
  tables: readonly TargetFacts[],
): SinkSpec {
  const { given, sink } = read
  if (sink.kind === 'sinkless') return { tag: 'rows', formats: context.rowFormats }
  if (sink.kind === 'null') return { tag: 'null' }
  const config = given.get('kafka_sink_config')
  return kafkaSinkSpec({
    uri: read.sinkText ?? '',
    position: read.sinkPosition,
    config: config?.text,
    configPosition: config?.position ?? 0,
    headers: readExtraHeaders(given.get('extra_headers')),
    tables: targets.map(({ topic, tableName }, i) => ({
      topic,
      name: tableName,
      keyColumns: tables[i]?.primaryKey ?? [],
    })),
  })
}

function milliseconds(nanos: bigint): number {
  return Number(nanos) / 1e6
}

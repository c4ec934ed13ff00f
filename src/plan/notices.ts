// What a statement that succeeds should still hear about.

import { formatDuration, parseDuration } from '../core/duration.ts'
import type { Hlc } from '../core/hlc.ts'
import type { FeedSpec } from '../core/feed-spec.ts'
import type { TargetFacts } from './catalogue.ts'
import { labelOf } from './metrics-label.ts'
import { enumText, envelopeOf, formatOf, scanOf } from './option-values.ts'
import { isOn, type GivenOptions, type ReadOptions } from './read-options.ts'
import type { FeedTimes } from './times.ts'

export interface Notice {
  readonly severity: 'NOTICE'
  readonly message: string
  readonly hint?: string | undefined
}

const defaultCheckpointNanos = 30_000_000_000n
const lowIntervalNanos = 500_000_000n
const hourNanos = 3_600_000_000_000n
const oldCursorNanos = 5n * hourNanos

/** Undefined: the option is not given. Bare or empty is zero: as often as possible. */
export function durationOf(given: GivenOptions, name: 'resolved' | 'min_checkpoint_frequency'): bigint | undefined {
  const option = given.get(name)
  if (option === undefined) return undefined
  const read = parseDuration(option.text === undefined || option.text === '' ? '0' : option.text)
  return read.tag === 'ok' ? read.nanos : undefined
}

/** A feed on a connection has no checkpoint to write, so nothing holds it back unless it is asked for. */
export function checkpointNanos({ given, sinkText }: ReadOptions): bigint {
  return durationOf(given, 'min_checkpoint_frequency') ?? (sinkText === undefined ? 0n : defaultCheckpointNanos)
}

export interface NoticeFacts {
  readonly read: ReadOptions
  readonly spec: FeedSpec
  readonly times: FeedTimes
  readonly now: Hlc
  /** Metrics are shown by scope. */
  readonly showsScopes: boolean
  readonly tables: readonly TargetFacts[]
  /** What is said of the keys that tables get. */
  readonly keyChanges: readonly string[]
  /** Statements that will be run on the tables. */
  readonly identityChanges: readonly string[]
}

/** Of statements that are named one by one. */
const shownChanges = 10

export function noticesOf({
  read,
  spec,
  times,
  now,
  showsScopes,
  tables,
  keyChanges,
  identityChanges,
}: NoticeFacts): readonly Notice[] {
  const { given, sink } = read
  const messages: string[] = []
  const scope = labelOf(given.get('metrics_label'))
  if (scope !== undefined && !showsScopes) {
    messages.push(
      `server.child_metrics.enabled is off: the metrics of this changefeed are in the totals, and under the label '${scope}' as soon as it is on`,
    )
  }
  const { facts, scheme } = sink
  const ofScheme = facts.schemeNotice?.(scheme)
  if (ofScheme !== undefined) messages.push(ofScheme)
  const topics = facts.topics?.(spec.sink) ?? []
  const named = [...new Set(topics)]
  if (named.length > 0) messages.push(`changefeed will emit to topic${named.length > 1 ? 's' : ''} ${named.join(',')}`)
  messages.push(...sharedTopics(topics, tables, given))
  messages.push(...(facts.notices?.(spec.sink) ?? []))
  const oldFormat = formatOf(given).oldNames?.[enumText(given, 'format') ?? '']
  if (oldFormat !== undefined) messages.push(oldFormat)
  if (given.has('protect_data_from_gc_on_pause')) {
    messages.push('protect_data_from_gc_on_pause option is no longer needed')
  }
  messages.push(...virtualColumns(tables), ...ineffective(given), ...oldCursor(times, now, given), ...intervals(read))
  messages.push(...keyChanges)
  for (const sql of identityChanges.slice(0, shownChanges))
    messages.push(`complete rows need the whole old row in the log: ${sql}`)
  if (identityChanges.length > shownChanges) {
    const more = identityChanges.length - shownChanges
    messages.push(`complete rows need the whole old row in the log: ${more} more tables get REPLICA IDENTITY FULL`)
  }
  return messages.map((message) => ({ severity: 'NOTICE', message }))
}

/** Messages of two tables in one topic, which nobody asked for by `topic_name`. */
function sharedTopics(
  topics: readonly string[],
  tables: readonly TargetFacts[],
  given: GivenOptions,
): readonly string[] {
  if (given.has('full_table_name')) return []
  const namesOf = new Map<string, Map<string, string[]>>()
  for (const [index, topic] of topics.entries()) {
    const table = tables[index]
    if (table === undefined) continue
    const byName = namesOf.get(topic) ?? new Map<string, string[]>()
    namesOf.set(topic, byName)
    byName.set(table.name, [...(byName.get(table.name) ?? []), `${table.schema}.${table.name}`])
  }
  return [...namesOf].flatMap(([topic, byName]) =>
    [...byName.values()]
      .filter((names) => names.length > 1)
      .map(
        (names) =>
          `tables ${names.join(' and ')} share the topic ${topic}, and rows with equal keys cannot be told apart; with full_table_name each has a topic of its own`,
      ),
  )
}

function virtualColumns(tables: readonly TargetFacts[]): readonly string[] {
  return tables.flatMap((table) =>
    table.columns
      .filter((column) => column.generated === 'v')
      .map(({ name }) => `Changefeeds will filter out values for virtual column ${name} in table ${table.name}`),
  )
}

/** Accepted, and without effect: never in silence. */
function ineffective(given: GivenOptions): readonly string[] {
  const messages: string[] = []
  const envelope = envelopeOf(given)
  const lost = envelope === 'key_only' ? (['updated', 'mvcc_timestamp', 'diff'] as const) : (['diff'] as const)
  if (envelope === 'key_only' || envelope === 'row') {
    for (const name of lost) if (isOn(given, name)) messages.push(`${name} has no effect with envelope=${envelope}`)
  }
  const policy = enumText(given, 'schema_change_policy') ?? 'backfill'
  if (policy === 'stop')
    messages.push("schema_change_policy='stop' has no effect yet: a schema change does not end the feed")
  return messages
}

function oldCursor({ cursor }: FeedTimes, now: Hlc, given: GivenOptions): readonly string[] {
  if (cursor === undefined || scanOf(given) === 'only') return []
  const age = now.wall - cursor.wall
  if (age <= oldCursorNanos) return []
  return [
    `the provided cursor is ${age / hourNanos} hours old; older cursors can result in increased changefeed latency`,
  ]
}

function intervals(read: ReadOptions): readonly string[] {
  const { given } = read
  const messages: string[] = []
  const resolved = durationOf(given, 'resolved')
  const checkpoint = checkpointNanos(read)
  if (resolved !== undefined && resolved < checkpoint) {
    const explicit = given.get('resolved')?.text
    const byDefault = explicit === undefined || explicit === '' ? ' by default' : ''
    const whose = given.has('min_checkpoint_frequency') ? 'configured' : 'default'
    messages.push(
      `resolved (${formatDuration(resolved)}${byDefault}) messages will not be emitted more frequently than the ${whose} ` +
        `min_checkpoint_frequency (${formatDuration(checkpoint)}), but may be emitted less frequently`,
    )
  }
  for (const name of ['resolved', 'min_checkpoint_frequency'] as const) {
    const text = given.get(name)?.text
    const nanos = durationOf(given, name)
    // A bare `resolved` asks for nothing in particular, so it gets no advice.
    if (text === undefined || text === '' || nanos === undefined || nanos >= lowIntervalNanos) continue
    messages.push(
      `the '${name}' timestamp interval (${formatDuration(nanos)}) is very low; consider increasing it to at least 500ms`,
    )
  }
  return messages
}

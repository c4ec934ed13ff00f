// The notices of a statement that succeeds.

import { formatDuration } from '../core/duration.ts'
import type { Hlc } from '../core/hlc.ts'
import type { FeedSpec } from '../core/feed-spec.ts'
import type { TargetFacts } from './catalogue.ts'
import type { SpecParts } from './make-spec.ts'
import { labelOf } from './metrics-label.ts'
import { checkpointNanos, durationOf, enumText, envelopeOf, formatOf, scanOf } from './option-values.ts'
import { registryNotices } from './registry-options.ts'
import { isOn, type GivenOptions, type ReadOptions } from './read-options.ts'
import type { FeedTimes } from './times.ts'

const lowIntervalNanos = 500_000_000n
const hourNanos = 3_600_000_000_000n
const oldCursorNanos = 5n * hourNanos

export interface NoticeFacts extends Omit<SpecParts, 'targets' | 'sink'> {
  readonly spec: FeedSpec
  /** The notices about keys that tables get. */
  readonly keyChanges: readonly string[]
  /** Statements that will be run on the tables. */
  readonly identityChanges: readonly string[]
}

/** How notices begin of changes of replica identities, which are not made where a DBA prepares the source. */
export const oldRowsNotice = 'complete rows need the whole old row in the log'

/** With more changes than this, the rest is only counted. */
const shownChanges = 10

export function noticesOf(facts: NoticeFacts): readonly string[] {
  const { read, spec, context, times, tables, keyChanges, identityChanges } = facts
  const { given } = read
  const { facts: sink, scheme } = read.sink
  const messages: string[] = []
  const scope = labelOf(given.get('metrics_label'))
  if (scope !== undefined && !context.showsScopes) {
    messages.push(
      `server.child_metrics.enabled is off: the metrics of this changefeed are in the totals, and under the label '${scope}' as soon as it is on`,
    )
  }
  const ofScheme = sink.schemeNotice?.(scheme)
  if (ofScheme !== undefined) messages.push(ofScheme)
  const topics = sink.topics?.(spec.sink) ?? []
  const named = [...new Set(topics)]
  if (named.length > 0) messages.push(`changefeed will emit to topic${named.length > 1 ? 's' : ''} ${named.join(',')}`)
  messages.push(...sharedTopics(topics, tables, given))
  messages.push(...(sink.notices?.(spec.sink) ?? []))
  if (spec.registry !== undefined) messages.push(...registryNotices(spec.registry))
  const oldFormat = formatOf(given).oldNames?.[enumText(given, 'format') ?? '']
  if (oldFormat !== undefined) messages.push(oldFormat)
  if (given.has('protect_data_from_gc_on_pause')) {
    messages.push('protect_data_from_gc_on_pause option is no longer needed')
  }
  messages.push(
    ...generatedColumns(tables),
    ...inherited(tables),
    ...unknownCommits(tables, given),
    ...ineffective(given),
    ...oldCursor(times, context.now, given),
    ...intervals(read),
  )
  messages.push(...keyChanges)
  for (const sql of identityChanges.slice(0, shownChanges)) messages.push(`${oldRowsNotice}; the server runs ${sql}`)
  if (identityChanges.length > shownChanges) {
    const more = identityChanges.length - shownChanges
    messages.push(`${oldRowsNotice}; the server sets REPLICA IDENTITY FULL for ${more} more tables, too`)
  }
  return messages
}

/** Returns a notice for each topic that tables of one name in several schemas share. */
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

function generatedColumns(tables: readonly TargetFacts[]): readonly string[] {
  return tables.flatMap((table) =>
    table.columns.flatMap(({ name, generated }) => {
      if (generated === 'v')
        return `Changefeeds will filter out values for virtual column ${name} in table ${table.name}`
      if (generated === 's' && !table.publishesGenerated)
        return `Changefeeds have no values for the generated column ${name} of table ${table.name}: PostgreSQL before version 18 does not publish it`
      return []
    }),
  )
}

function inherited(tables: readonly TargetFacts[]): readonly string[] {
  return tables
    .filter(({ isInherited }) => isInherited)
    .map(
      ({ name }) =>
        `table "${name}" has tables that inherit from it: the changefeed has the rows of "${name}" itself (SELECT … FROM ONLY), and not theirs; name them as targets to have those, too`,
    )
}

function unknownCommits(tables: readonly TargetFacts[], given: GivenOptions): readonly string[] {
  if (!isOn(given, 'mvcc_timestamp') || scanOf(given) === 'no' || tables.every(({ tracksCommits }) => tracksCommits))
    return []
  return [
    'track_commit_timestamp is off in PostgreSQL: mvcc_timestamp of a row of the initial scan is the time of the scan, and of every change its commit time',
  ]
}

/** Returns a notice for each option that is accepted and has no effect. */
function ineffective(given: GivenOptions): readonly string[] {
  const messages: string[] = []
  const envelope = envelopeOf(given)
  const lost = envelope === 'key_only' ? (['updated', 'mvcc_timestamp', 'diff'] as const) : (['diff'] as const)
  if (envelope === 'key_only' || envelope === 'row') {
    for (const name of lost) if (isOn(given, name)) messages.push(`${name} has no effect with envelope=${envelope}`)
  }
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
    const byDefault = (given.get('resolved')?.text ?? '') === '' ? ' by default' : ''
    const whose = given.has('min_checkpoint_frequency') ? 'configured' : 'default'
    messages.push(
      `resolved (${formatDuration(resolved)}${byDefault}) messages will not be emitted more frequently than the ${whose} ` +
        `min_checkpoint_frequency (${formatDuration(checkpoint)}), but may be emitted less frequently`,
    )
  }
  for (const name of ['resolved', 'min_checkpoint_frequency'] as const) {
    const text = given.get(name)?.text
    const nanos = durationOf(given, name)
    // `resolved` without a value asks for no interval in particular, so there is no advice.
    if (text === undefined || text === '' || nanos === undefined || nanos >= lowIntervalNanos) continue
    messages.push(
      `the '${name}' timestamp interval (${formatDuration(nanos)}) is very low; consider increasing it to at least 500ms`,
    )
  }
  return messages
}

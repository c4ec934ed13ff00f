// The values that a statement gives to the options that other checks depend on.

import type { Envelope, FormatFacts } from '../encode/format-facts.ts'
import { parseDuration } from '../core/duration.ts'
import type { SchemaChangeSpec } from '../core/feed-spec.ts'
import { defaultFormat, formatOfName } from '../encode/format-names.ts'
import type { OptionName } from './options.ts'
import type { GivenOptions, ReadOptions } from './read-options.ts'

const defaultCheckpointNanos = 30_000_000_000n

/** Returns the value of an enum option, in lower case; undefined if the option is not given. */
export function enumText(given: GivenOptions, name: OptionName): string | undefined {
  return given.get(name)?.text?.toLowerCase()
}

export function envelopeOf(given: GivenOptions): Envelope {
  const text = enumText(given, 'envelope') ?? 'wrapped'
  return (text === 'deprecated_row' ? 'row' : text) as Envelope
}

export function formatOf(given: GivenOptions): FormatFacts {
  return formatOfName(enumText(given, 'format') ?? defaultFormat)
}

export function scanOf(given: GivenOptions): 'yes' | 'no' | 'only' {
  if (given.has('initial_scan_only')) return 'only'
  if (given.has('no_initial_scan')) return 'no'
  const option = given.get('initial_scan')
  if (option === undefined) return given.has('cursor') ? 'no' : 'yes'
  return (option.text === undefined || option.text === '' ? 'yes' : option.text.toLowerCase()) as 'yes' | 'no' | 'only'
}

/** Returns what the statement says about schema changes. */
export function schemaChangesOf(given: GivenOptions): SchemaChangeSpec {
  const events = (enumText(given, 'schema_change_events') ?? 'default') as SchemaChangeSpec['events']
  const policy = (enumText(given, 'schema_change_policy') ?? 'backfill') as SchemaChangeSpec['policy']
  return { events, policy }
}

/** Returns undefined if the option is not given, and 0 if it has no value, which means as often as possible. */
export function durationOf(given: GivenOptions, name: 'resolved' | 'min_checkpoint_frequency'): bigint | undefined {
  const option = given.get(name)
  if (option === undefined) return undefined
  const read = parseDuration(option.text === undefined || option.text === '' ? '0' : option.text)
  return read.tag === 'ok' ? read.nanos : undefined
}

/** A feed on a connection saves no progress, so its default is 0. */
export function checkpointNanos({ given, sinkText }: ReadOptions): bigint {
  return durationOf(given, 'min_checkpoint_frequency') ?? (sinkText === undefined ? 0n : defaultCheckpointNanos)
}

// Which options go together with a format, as the facts of formats say (src/encode/formats.ts).

import type { FormatFacts, Metadata } from '../encode/format-facts.ts'
import { formats } from '../encode/formats.ts'
import { refusedName } from '../encode/own-names.ts'
import type { TargetFacts } from './catalogue.ts'
import { optionError } from './option-errors.ts'
import { envelopeOf, formatOf, scanOf } from './option-values.ts'
import { factsOf, isOptionName, optionNames, type OptionName } from './options.ts'
import { isOn, type GivenOption, type GivenOptions } from './read-options.ts'

/** Options for which no format has a place in the envelopes `row` and `key_only`. */
export const inWrapped: readonly OptionName[] = ['key_in_value', 'topic_in_value']

/** Checks the format against the other options. */
export function checkFormat(given: GivenOptions): void {
  const refuse = (name: OptionName, message: string, hint?: string): never => {
    throw optionError(given.get(name), message, hint)
  }
  const format = formatOf(given)
  if (format.isScanOnly === true && scanOf(given) !== 'only') {
    const hint = "it has rows and no changes: add initial_scan = 'only', or choose another format"
    refuse('format', `format=${format.name} is only usable with initial_scan_only`, hint)
  }
  for (const name of onOf(given, format.excludedOptions)) {
    refuse(name, `cannot specify both format=${format.name} and ${name}`)
  }
  for (const name of optionNames) {
    if (!given.has(name) || factsOf(name).formats !== 'some' || format.options?.includes(name) === true) continue
    refuse(name, `${name} is only usable with ${formatsThat(({ options = [] }) => options.includes(name))}`)
  }

  const envelope = envelopeOf(given)
  const fitsFormat = format.envelopes.includes(envelope)
  if (envelope === 'enriched' && !fitsFormat) {
    refuse(
      'envelope',
      `envelope=enriched is only usable with ${formatsThat(({ envelopes }) => envelopes.includes('enriched'))}`,
    )
  }
  if (given.has('enriched_properties') && envelope !== 'enriched') {
    refuse('enriched_properties', 'enriched_properties is only usable with envelope=enriched')
  }
  if (!fitsFormat) refuse('envelope', `envelope=${envelope} is not supported with format=${format.name}`)
  if (envelope !== 'wrapped' && envelope !== 'enriched') {
    for (const name of onOf(given, format.wrappedOptions)) refuse(name, `${name} is only usable with envelope=wrapped`)
  }
}

/** Checks what the encoder of the format needs of options and columns. */
export function checkEncoder(given: GivenOptions, targets: readonly TargetFacts[]): void {
  const envelope = envelopeOf(given)
  const format = formatOf(given)
  const own = format.ownNames?.(metadataOf(given)) ?? []
  const { withoutOptions = [], withoutHint } = format
  for (const name of onOf(given, [...inWrapped, ...withoutOptions])) {
    if (inWrapped.includes(name) && (envelope === 'row' || envelope === 'key_only')) {
      throw optionError(given.get(name), `${name} is only usable with envelope=wrapped`)
    }
    if (withoutOptions.includes(name)) {
      throw optionError(given.get(name), `${name} is not supported with format=${format.name}`, withoutHint)
    }
  }
  const { neededOption } = format
  if (neededOption !== undefined && isOptionName(neededOption) && !given.has(neededOption)) {
    const message = `WITH option ${neededOption} is required for format=${format.name}`
    throw optionError(given.get('format'), message, format.neededOptionHint)
  }
  for (const target of targets) {
    const { schema, name: table, primaryKey } = target
    for (const { name: column, fullType, generated } of target.columns) {
      if (envelope === 'key_only' && !primaryKey.includes(column)) continue
      // Whether messages have a generated column depends on the version of PostgreSQL: the encoder looks at it later.
      if (generated !== '') continue
      format.checkColumn?.({ schema, table, column, type: fullType })
      if (own.includes(column)) throw refusedName(format, { schema, table, column })
    }
  }
  const headers = given.get('headers_json_column_name')
  if (headers !== undefined) {
    for (const target of targets) checkHeadersColumn(target, headers)
  }
}

function metadataOf(given: GivenOptions): Metadata {
  const envelope = envelopeOf(given)
  return {
    envelope: envelope === 'bare' || envelope === 'enriched' ? 'wrapped' : envelope,
    updated: isOn(given, 'updated'),
    mvccTimestamp: isOn(given, 'mvcc_timestamp'),
    diff: isOn(given, 'diff') && envelope === 'wrapped',
  }
}

function checkHeadersColumn(target: TargetFacts, option: GivenOption): void {
  const name = option.text ?? ''
  const column = target.columns.find((candidate) => candidate.name === name)
  if (column === undefined) {
    throw optionError(option, `required column ${name} not present on table ${target.name}`)
  }
  if (column.type !== 'json' && column.type !== 'jsonb') {
    const type = cockroachWords[column.type] ?? column.type
    throw optionError(option, `column ${name} of type ${type} does not match required type json`)
  }
}

/** Type names as CockroachDB's messages print them, where they differ from format_type(). */
const cockroachWords: Readonly<Record<string, string>> = {
  text: 'string',
  'character varying': 'varchar',
  character: 'char',
  bigint: 'int',
  integer: 'int4',
  smallint: 'int2',
  bytea: 'bytes',
  boolean: 'bool',
  numeric: 'decimal',
  'double precision': 'float',
  real: 'float4',
  'timestamp without time zone': 'timestamp',
  'timestamp with time zone': 'timestamptz',
}

/** Returns those of the options that are given and on. */
function onOf(given: GivenOptions, names: readonly string[] = []): readonly OptionName[] {
  return names.filter(isOptionName).filter((name) => isOn(given, name))
}

/** Returns `format=a/b` for the formats a and b that fit. */
function formatsThat(fits: (format: FormatFacts) => boolean): string {
  return `format=${formats
    .filter(fits)
    .map(({ name }) => name)
    .join('/')}`
}

// Which options go together. Three moments, in the order that decides which message wins: what holds for any sink and
// any table (`checkRelations`), what the encoder asks of its table (`checkEncoder`), what the sink takes (`checkSink`).
// What is valid and not built is refused last (`checkBuilt`), so that a wrong statement always hears what is wrong.

import type { Envelope, FormatFacts } from '../encode/format-facts.ts'
import { defaultFormat, formatOfName } from '../encode/format-names.ts'
import { formats } from '../encode/formats.ts'
import { FeedError } from '../errors/feed-error.ts'
import { factsOf, isOptionName, optionNames, type OptionName } from './options.ts'
import type { GivenOptions, ReadOptions } from './read-options.ts'
import { isOn } from './read-options.ts'
import type { SinkUri } from '../sink/sink-uri.ts'
import { sinks } from '../sink/sinks.ts'
import type { TargetFacts } from './catalogue.ts'

/** The value of an enum option, folded; undefined when it is not given. */
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

/** Those of the options that are given and on. */
function onOf(given: GivenOptions, names: readonly string[] = []): readonly OptionName[] {
  return names.filter(isOptionName).filter((name) => isOn(given, name))
}

/** `format=a/b` of the formats for which `fits` is true. */
function formatsThat(fits: (format: FormatFacts) => boolean): string {
  return `format=${formats
    .filter(fits)
    .map(({ name }) => name)
    .join('/')}`
}

/** In the other built envelopes no format has a place for them. */
const inWrapped: readonly string[] = ['key_in_value', 'topic_in_value']

export function checkRelations(given: GivenOptions): void {
  const both = (a: OptionName, b: OptionName): boolean => given.has(a) && given.has(b)
  const refuse = (name: OptionName, message: string, hint?: string): never => {
    throw new FeedError('FEED_OPTION', message, { position: given.get(name)?.position, hint })
  }

  if (both('initial_scan', 'no_initial_scan')) {
    refuse('no_initial_scan', 'cannot specify both initial_scan and no_initial_scan')
  }
  if (both('initial_scan', 'initial_scan_only')) {
    refuse('initial_scan_only', 'cannot specify both initial_scan and initial_scan_only')
  }
  if (both('initial_scan_only', 'no_initial_scan')) {
    refuse('no_initial_scan', "cannot specify both initial_scan='only' and no_initial_scan")
  }
  const onlyScan = scanOf(given) === 'only'
  if (onlyScan) {
    for (const name of ['end_time', 'resolved', 'diff', 'mvcc_timestamp', 'updated'] as const) {
      if (given.has(name)) refuse(name, `cannot specify both initial_scan='only' and ${name}`)
    }
  }

  if (both('unordered', 'resolved')) {
    refuse(
      'unordered',
      'unordered is not usable with resolved because resolved timestamps cannot be guaranteed to be correct in unordered mode',
    )
  }
  if (given.has('key_column') && !given.has('unordered')) {
    refuse(
      'key_column',
      'key_column requires the unordered option because using a value other than the primary key as the message key means end-to-end ordering cannot be preserved',
    )
  }

  const format = formatOf(given)
  if (format.isScanOnly === true && !onlyScan) {
    // Whoever does as this says would hear next that it is not built.
    const hint = format.open === undefined ? `format=${format.name} is not supported yet` : undefined
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

/** What the format needs of options and columns. */
export function checkEncoder(given: GivenOptions, targets: readonly TargetFacts[]): void {
  const envelope = envelopeOf(given)
  const format = formatOf(given)
  const { withoutOptions = [] } = format
  for (const name of onOf(given, [...inWrapped, ...withoutOptions])) {
    const position = given.get(name)?.position
    if (inWrapped.includes(name) && (envelope === 'row' || envelope === 'key_only')) {
      throw new FeedError('FEED_OPTION', `${name} is only usable with envelope=wrapped`, { position })
    }
    if (withoutOptions.includes(name)) {
      throw new FeedError('FEED_OPTION', `${name} is not supported with format=${format.name}`, { position })
    }
  }
  const { neededOption } = format
  if (neededOption !== undefined && isOptionName(neededOption) && !given.has(neededOption)) {
    const written = `format=${enumText(given, 'format')}`
    const position = given.get('format')?.position ?? 1
    // Nobody is sent for a schema registry that would not be used.
    if (format.open === undefined) throw notYet(written, position)
    throw new FeedError('FEED_OPTION', `${neededOption} is required with ${written}`, { position })
  }
  const headers = given.get('headers_json_column_name')
  if (headers !== undefined) {
    for (const target of targets) checkHeadersColumn(target, headers.text ?? '', headers.position)
  }
}

function checkHeadersColumn(target: TargetFacts, name: string, position: number): void {
  const column = target.columns.find((candidate) => candidate.name === name)
  if (column === undefined) {
    throw new FeedError('FEED_OPTION', `required column ${name} not present on table ${target.name}`, { position })
  }
  if (column.type !== 'json' && column.type !== 'jsonb') {
    const type = cockroachWords[column.type] ?? column.type
    const message = `column ${name} of type ${type} does not match required type json`
    throw new FeedError('FEED_OPTION', message, { position })
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

export function checkSink({ given, sink: { facts } }: ReadOptions): void {
  const refused = (what: string, name: OptionName): FeedError =>
    new FeedError('FEED_OPTION', `this sink is incompatible with ${what}`, { position: given.get(name)?.position })
  for (const { name } of given.values()) {
    const fits = facts.options === 'all' || factsOf(name).sinks === 'all' || facts.options.includes(name)
    if (!fits) throw refused(`option ${name}`, name)
  }
  const format = formatOf(given).name
  if (facts.withoutFormats.includes(format)) throw refused(`format=${format}`, 'format')
  const envelope = envelopeOf(given)
  if (facts.withoutEnvelopes.includes(envelope)) throw refused(`envelope=${envelope}`, 'envelope')
}

export function checkBuilt({ given, sink, sinkPosition }: ReadOptions): void {
  for (const option of given.values()) {
    const { built, kind } = factsOf(option.name)
    if (built === true) continue
    if (built === false) throw notYet(`option "${option.name}"`, option.position)
    const text = option.text?.toLowerCase() ?? ''
    if (kind === 'enum' && !built.includes(text)) throw notYet(`${option.name}=${text}`, option.position)
  }
  checkSinkBuilt(sink, sinkPosition)
}

function checkSinkBuilt({ facts, scheme }: SinkUri, position: number): void {
  if (facts.open !== undefined) return
  const built = sinks.flatMap(({ open, schemes: [main] }) =>
    open === undefined || main === undefined ? [] : `${main}://`,
  )
  const last = built.sort().pop()
  throw new FeedError('FEED_UNSUPPORTED', `sink ${scheme}:// is not supported yet`, {
    hint: `${built.join(', ')} and ${last} are; without INTO the rows come over the connection`,
    position,
  })
}

function notYet(what: string, position: number): FeedError {
  const hint = 'docs/reference/options.md lists the options and values that are supported'
  return new FeedError('FEED_UNSUPPORTED', `${what} is not supported yet`, { hint, position })
}

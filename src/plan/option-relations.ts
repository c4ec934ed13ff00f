// Which options go together. There are three moments, in the order that decides which message wins: what holds for any sink
// and any table (`checkRelations`), what the encoder needs of its table (`checkEncoder` in format-relations.ts), and what the
// sink takes (`checkSink`). An option or a value that is valid and not built is refused last (`checkBuilt`), so that whatever
// else is wrong with a statement is reported first.

import { formats } from '../encode/formats.ts'
import { FeedError } from '../errors/feed-error.ts'
import { sinkOf, type SinkUri } from '../sink/sink-uri.ts'
import { sinks } from '../sink/sinks.ts'
import { checkFormat } from './format-relations.ts'
import { notYet, optionError } from './option-errors.ts'
import { envelopeOf, formatOf, scanOf } from './option-values.ts'
import { factsOf, type OptionName } from './options.ts'
import type { GivenOptions, ReadOptions, WrittenOptions } from './read-options.ts'

/**
 * Pairs of options of which only one may be given, and the text for the first of them in the message if it is not its name.
 * The reference page lists them.
 */
export const exclusive: readonly (readonly [OptionName, OptionName, string?])[] = [
  ['initial_scan', 'no_initial_scan'],
  ['initial_scan', 'initial_scan_only'],
  ['initial_scan_only', 'no_initial_scan', "initial_scan='only'"],
]

/** Options that have no place where only the existing rows are emitted. */
export const notWithScanOnly: readonly OptionName[] = ['end_time', 'resolved', 'diff', 'mvcc_timestamp', 'updated']

export function checkRelations(given: GivenOptions): void {
  for (const [a, b, text = a] of exclusive) {
    if (given.has(a) && given.has(b)) throw optionError(given.get(b), `cannot specify both ${text} and ${b}`)
  }
  if (scanOf(given) === 'only') {
    for (const name of notWithScanOnly) {
      if (given.has(name)) throw optionError(given.get(name), `cannot specify both initial_scan='only' and ${name}`)
    }
  }

  if (given.has('unordered') && given.has('resolved')) {
    throw optionError(
      given.get('unordered'),
      'unordered is not usable with resolved because resolved timestamps cannot be guaranteed to be correct in unordered mode',
    )
  }
  if (given.has('key_column') && !given.has('unordered')) {
    throw optionError(
      given.get('key_column'),
      'key_column requires the unordered option because using a value other than the primary key as the message key means end-to-end ordering cannot be preserved',
    )
  }
  checkFormat(given)
}

/**
 * Checks that the sink can carry the format. This comes before what the encoder needs: nobody should look for a schema registry for
 * a format that the sink refuses then.
 */
export function checkFormatOfSink({ given, sinkText }: WrittenOptions): void {
  const facts = sinkOf(sinkText)
  const format = formatOf(given).name
  if (facts?.withoutFormats?.includes(format) !== true) return
  const takes = formatsHint(facts.label, facts.withoutFormats)
  const hint = formatOf(given).open === undefined ? `format=${format} is not supported yet; ${takes}` : takes
  throw optionError(given.get('format'), `this sink is incompatible with format=${format}`, hint)
}

export function checkSink({
  given,
  sink: { facts },
}: {
  readonly given: GivenOptions
  readonly sink: Pick<SinkUri, 'facts'>
}): void {
  const refused = (what: string, name: OptionName): FeedError =>
    optionError(given.get(name), `this sink is incompatible with ${what}`)
  for (const { name } of given.values()) {
    const fits = facts.options === 'all' || factsOf(name).sinks === undefined || facts.options.includes(name)
    if (!fits) throw refused(`option ${name}`, name)
  }
  const envelope = envelopeOf(given)
  if (facts.withoutEnvelopes?.includes(envelope) === true) throw refused(`envelope=${envelope}`, 'envelope')
}

function formatsHint(label: string, without: readonly string[]): string {
  const names = formats
    .filter(({ name, open }) => open !== undefined && !without.includes(name))
    .map(({ name }) => name)
  return `a sink of ${label} takes format=${names.join(', ')}`
}

export function checkBuilt({ given, sink, sinkPosition }: ReadOptions): void {
  for (const option of given.values()) {
    const { built, kind } = factsOf(option.name)
    if (built === undefined) continue
    if (built === false) throw notYet(`option "${option.name}"`, option.position)
    const text = option.text?.toLowerCase() ?? ''
    if (kind === 'enum' && !built.includes(text)) throw notYet(`${option.name}=${text}`, option.position)
  }
  checkSinkBuilt(sink, sinkPosition)
}

function checkSinkBuilt({ facts, scheme }: SinkUri, position: number): void {
  if (facts.open !== undefined) return
  const built = sinks
    .flatMap(({ open, schemes }) => (open === undefined ? [] : schemes))
    .filter((each) => !each.startsWith('experimental-'))
    .map((each) => `${each}://`)
  const last = built.sort().pop()
  throw new FeedError('FEED_UNSUPPORTED', `sink ${scheme}:// is not supported yet`, {
    hint: `${built.join(', ')} and ${last} are; without INTO the rows come over the connection`,
    position,
  })
}

// Reads the options of a statement: names first, then values, each checked by the table in options.ts alone. Which options
// go together is checked when the targets are known (option-relations.ts), and the sink is read last of all.

import { durationHint, parseDuration } from '../core/duration.ts'
import { nearestName } from '../core/nearest-name.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { CreateChangefeed, Option, Value } from '../sql/ast.ts'
import { optionError } from './option-errors.ts'
import { factsOf, isOptionName, optionNames, type OptionFacts, type OptionName } from './options.ts'
import { readSinkUri, type SinkUri } from '../sink/sink-uri.ts'

export interface GivenOption {
  readonly name: OptionName
  /** The value as written, without quotes; undefined: the option is written without a value. */
  readonly text: string | undefined
  /** Where the option is in the statement, counted from 1, for errors. */
  readonly position: number
}

export type GivenOptions = ReadonlyMap<OptionName, GivenOption>

export interface WrittenOptions {
  readonly given: GivenOptions
  /** The text of INTO; undefined: the statement has no INTO. */
  readonly sinkText: string | undefined
  readonly sinkPosition: number
}

export interface ReadOptions extends WrittenOptions {
  readonly sink: SinkUri
}

export type Parameters = readonly (string | null)[]

export function readOptions(statement: CreateChangefeed, parameters: Parameters): WrittenOptions {
  const into = readInto(statement.sink, parameters)
  const given = readNames(statement.options, parameters)
  for (const option of given.values()) checkValue(option, factsOf(option.name))
  return { given, ...into }
}

/** Reads the text of INTO, too. */
export function readSink(written: WrittenOptions): ReadOptions {
  const { sinkText, sinkPosition } = written
  return { ...written, sink: readSinkUri(sinkText, sinkPosition) }
}

/** Returns the text of a value, or what the client bound to its placeholder; undefined for NULL. */
export function textOf(value: Value, parameters: Parameters): string | undefined {
  if (value.tag !== 'placeholder') return value.text
  const bound = parameters[value.index - 1]
  if (bound === undefined) {
    throw new FeedError('FEED_SYNTAX', `no value provided for placeholder: $${value.index}`, {
      sqlstate: '42P02',
      position: value.position + 1,
    })
  }
  return bound ?? undefined
}

/** Whether the value is the word NULL, or a placeholder to which NULL is bound. */
function isNull(value: Value | undefined, text: string | undefined): boolean {
  if (value?.tag === 'placeholder') return text === undefined
  return value?.tag === 'word' && /^null$/i.test(value.text)
}

/** Whether the option is given and is not false. */
export function isOn(given: GivenOptions, name: OptionName): boolean {
  const option = given.get(name)
  return option !== undefined && option.text?.toLowerCase() !== 'false'
}

function readNames(written: readonly Option[], parameters: Parameters): GivenOptions {
  const given = new Map<OptionName, GivenOption>()
  for (const option of written) {
    const position = option.position + 1
    if (!isOptionName(option.name)) throw unknownOption(option.name, position)
    if (given.has(option.name)) {
      throw optionError({ position }, `option "${option.name}" is given more than once`)
    }
    const facts = factsOf(option.name)
    const text = option.value === undefined ? undefined : textOf(option.value, parameters)
    // NULL may mean the option without a value as well as no option.
    if (isNull(option.value, text) && facts.values?.includes('null') !== true) {
      const { value } = option
      const give = value?.tag === 'placeholder' ? `bind a text to $${value.index}` : 'give it a value'
      throw new FeedError('FEED_OPTION', `option "${option.name}" was given NULL`, {
        sqlstate: '22004',
        hint: `${give}, or leave the option out`,
        position,
      })
    }
    if (facts.value === undefined && text === undefined) {
      throw optionError({ position }, `option "${option.name}" requires a value`)
    }
    if (facts.value === 'none' && text !== undefined) {
      throw optionError({ position }, `option "${option.name}" does not take a value`)
    }
    given.set(option.name, { name: option.name, text, position })
  }
  return given
}

function unknownOption(name: string, position: number): FeedError {
  const meant = nearestName(name, optionNames)
  return optionError({ position }, `invalid option "${name}"`, meant && `did you mean "${meant}"?`)
}

function checkValue(option: GivenOption, facts: OptionFacts): void {
  const { name, text } = option
  if (text === undefined) return
  if (facts.kind === 'duration') checkDuration(option, text)
  if (facts.kind === 'enum' || facts.kind === 'flag') {
    if (text === '' && facts.value === 'optional') return
    const values = facts.values ?? []
    if (!values.includes(text.toLowerCase())) {
      throw optionError(option, `unknown ${name}: ${text}, ${validValues(values)}`, meantValue(text, facts))
    }
  }
  if (facts.kind === 'list') {
    const values = facts.values ?? []
    for (const member of text.split(',')) {
      if (values.includes(member.trim().toLowerCase())) continue
      const message = `unknown ${name}: ${member.trim()}, valid values are: ${values.join(', ')}`
      throw optionError(option, message, meantValue(member.trim(), facts))
    }
  }
}

function meantValue(text: string, { values = [], built }: OptionFacts): string | undefined {
  const meant = nearestName(text.toLowerCase(), values)
  if (meant === undefined) return undefined
  const isBuilt = built === undefined || (built !== false && built.includes(meant))
  return `did you mean ${meant}?${isBuilt ? '' : ' It is not supported yet'}`
}

function checkDuration(option: GivenOption, text: string): void {
  const { name } = option
  if (name === 'resolved' && text === '') return
  const read = parseDuration(text)
  if (read.tag === 'error') {
    throw optionError(option, `problem parsing option ${name}: ${read.message}`, durationHintOf(name, text))
  }
  if (read.nanos < 0n) {
    throw optionError(option, `negative durations are not accepted: ${name}='${text}'`)
  }
  if (read.nanos === 0n && name === 'webhook_client_timeout') {
    throw optionError(option, `option ${name} must be a duration greater than 0`)
  }
}

/** Who takes an option without a value for a flag writes `= true` or `= false`. */
function durationHintOf(name: OptionName, text: string): string {
  if (factsOf(name).value !== 'optional') return durationHint
  if (/^(?:false|f|off|no|n)$/i.test(text)) return `leave ${name} out to turn it off; ${durationHint}`
  return `${durationHint}; ${name} alone, without a value, is enough, too`
}

/** Returns `the only valid value is 'a'`, `valid values are 'a' and 'b'` or `valid values are 'a', 'b', and 'c'`. */
function validValues(values: readonly string[]): string {
  const quoted = values.map((value) => `'${value}'`)
  const last = quoted[quoted.length - 1]
  if (quoted.length === 1) return `the only valid value is ${last}`
  if (quoted.length === 2) return `valid values are ${quoted[0]} and ${last}`
  return `valid values are ${quoted.slice(0, -1).join(', ')}, and ${last}`
}

function readInto(into: Value | undefined, parameters: Parameters): Omit<WrittenOptions, 'given'> {
  if (into === undefined) return { sinkText: undefined, sinkPosition: 0 }
  const position = into.position + 1
  const text = textOf(into, parameters)
  if (text === undefined || isNull(into, text)) {
    throw new FeedError('FEED_OPTION', 'the sink was given NULL', {
      sqlstate: '22004',
      hint:
        into.tag === 'word'
          ? "give the URI of the sink in quotes: INTO 'kafka://…'"
          : 'bind the URI of the sink, or leave INTO out: then the rows come over the connection',
      position,
    })
  }
  if (text === '') throw optionError({ position }, 'omit the SINK clause for inline results')
  return { sinkText: text, sinkPosition: position }
}

// Which options fit to a statement that somebody is still writing: each is tried with the others, the sink and the tables, by the checks of
// the finished statement. So a form never knows another rule than the statement itself.

import { FeedError } from '../errors/feed-error.ts'
import { sinkOf } from '../sink/sink-uri.ts'
import type { TargetFacts } from './catalogue.ts'
import { checkEncoder } from './format-relations.ts'
import { checkFormatOfSink, checkRelations, checkSink } from './option-relations.ts'
import { formatOf } from './option-values.ts'
import { factsOf, isOptionName, optionNames, type OptionName } from './options.ts'
import type { GivenOption, GivenOptions } from './read-options.ts'

export interface OptionFit {
  readonly name: OptionName
  /** Why no value of the option fits; undefined: one does. */
  readonly reason: string | undefined
  /** Why single values do not fit, by the value. */
  readonly values: Readonly<Record<string, string>>
}

/** What is known of a statement that is not finished. */
export interface Draft {
  readonly given: GivenOptions
  /** The URI as far as it is written: its scheme is enough to know the sink. */
  readonly sinkText: string
  readonly tables: readonly TargetFacts[]
}

/** Says of every option that is built whether it fits to the rest of the draft. */
export function optionFits(draft: Draft): readonly OptionFit[] {
  return optionNames.filter((name) => factsOf(name).built !== false).map((name) => fitOf(name, draft))
}

function fitOf(name: OptionName, draft: Draft): OptionFit {
  const { kind, values: all = [], built } = factsOf(name)
  if (kind !== 'enum') return { name, reason: refusalOf({ name, text: undefined, position: 0 }, draft), values: {} }
  const words = Array.isArray(built) ? built : all
  const refused = words.flatMap((text): [string, string][] => {
    const reason = refusalOf({ name, text, position: 0 }, draft)
    return reason === undefined ? [] : [[text, reason]]
  })
  return {
    name,
    reason: refused.length === words.length ? refused[0]?.[1] : undefined,
    values: Object.fromEntries(refused),
  }
}

/** Options on which many checks depend: they are part of every trial. */
const always: readonly OptionName[] = ['format', 'envelope']

/**
 * Tries the option with each of the others alone. A fault that the others have without it is none of its own, and would hide what comes
 * after it in a trial with all of them. What tables refuse depends on no partner, and they may have thousands of columns.
 */
function refusalOf(option: GivenOption, draft: Draft): string | undefined {
  const others = [...draft.given.values()].filter(({ name }) => name !== option.name)
  const frame = others.filter(({ name }) => always.includes(name))
  const partners = others.filter(({ name }) => !always.includes(name))
  const withoutTables = { ...draft, tables: [] }
  return (
    newFault(option, frame, draft) ??
    partners.map((one) => newFault(option, [...frame, one], withoutTables)).find((fault) => fault !== undefined)
  )
}

function newFault(option: GivenOption, others: readonly GivenOption[], draft: Draft): string | undefined {
  const faults = faultsOf(withNeeded([...others, option]), draft)
  if (faults.length === 0) return undefined
  const before = faultsOf(others, draft)
  return faults.find((text) => !before.includes(text))
}

/** A format that needs an option fits, although the option is still to be given. */
function withNeeded(options: readonly GivenOption[]): readonly GivenOption[] {
  const { neededOption } = formatOf(mapOf(options))
  if (neededOption === undefined || !isOptionName(neededOption)) return options
  return options.some(({ name }) => name === neededOption)
    ? options
    : [...options, { name: neededOption, text: '', position: 0 }]
}

function faultsOf(options: readonly GivenOption[], { sinkText, tables }: Draft): readonly string[] {
  const given = mapOf(options)
  const facts = sinkOf(sinkText)
  const checks = [
    () => checkRelations(given),
    () => checkFormatOfSink({ given, sinkText, sinkPosition: 0 }),
    () => checkEncoder(given, tables),
    () => (facts === undefined ? undefined : checkSink({ given, sink: { facts } })),
  ]
  return checks.flatMap((check) => {
    try {
      check()
      return []
    } catch (error) {
      if (!(error instanceof FeedError)) throw error
      return [error.hint === undefined ? error.message : `${error.message}; ${error.hint}`]
    }
  })
}

function mapOf(options: readonly GivenOption[]): GivenOptions {
  return new Map(options.map((option) => [option.name, option]))
}

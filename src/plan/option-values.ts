// The values that a statement gives to the options that other checks depend on.

import type { Envelope, FormatFacts } from '../encode/format-facts.ts'
import { defaultFormat, formatOfName } from '../encode/format-names.ts'
import type { OptionName } from './options.ts'
import type { GivenOptions } from './read-options.ts'

/** The value of an enum option, in lower case; undefined if the option is not given. */
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

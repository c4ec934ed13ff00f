// Reads the values of single parameters. Messages name the parameter and what it may be; they never contain the value.

import { FeedError } from '../../errors/feed-error.ts'
import type { ParameterName, Parameters } from './parameters.ts'

/** Returns undefined if the parameter is not set, or is empty, which means the same. */
export function textOf(parameters: Parameters, name: ParameterName): string | undefined {
  const value = parameters.get(name)
  return value === '' ? undefined : value
}

/** Returns undefined if the parameter is not set. */
export function oneOf<const T extends string>(
  parameters: Parameters,
  name: ParameterName,
  values: readonly T[],
): T | undefined {
  const text = textOf(parameters, name)
  if (text === undefined) return undefined
  const value = values.find((candidate) => candidate === text)
  if (value === undefined) throw new FeedError('FEED_OPTION', `${name} must be one of ${values.join(', ')}`)
  return value
}

/** Returns undefined if the parameter is not set. */
export function wholeNumber(parameters: Parameters, name: ParameterName): number | undefined {
  const text = textOf(parameters, name)
  if (text === undefined) return undefined
  if (!/^\s*-?\d{1,9}\s*$/.test(text)) throw new FeedError('FEED_OPTION', `${name} is not a whole number`)
  return Number(text)
}

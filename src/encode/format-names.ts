// The values of the option `format`: the names of formats, and old names that mean the same.

import { laterVersion } from '../errors/later-version.ts'
import type { FormatFacts } from './format-facts.ts'
import { formats } from './formats.ts'

export const defaultFormat = (formats[0] as FormatFacts).name

/** All values, the default first. */
export const formatNames: readonly string[] = [
  defaultFormat,
  ...formats
    .slice(1)
    .flatMap(({ name, oldNames }) => [name, ...Object.keys(oldNames ?? {})])
    .sort(),
]

export const builtFormatNames: readonly string[] = formatNames.filter((name) => formatOfName(name).open !== undefined)

/** `name` is in lower case. Statements with an unknown format do not pass the checks, so an unknown one is a job of a later version. */
export function formatOfName(name: string): FormatFacts {
  const found = formats.find((format) => format.name === name || Object.hasOwn(format.oldNames ?? {}, name))
  if (found === undefined) throw laterVersion('format', name)
  return found
}

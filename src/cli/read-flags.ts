// Reads the flags of a command.

import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import { commandName } from '../core/command-line.ts'
import { nearestName } from '../core/nearest-name.ts'
import { UsageError } from './usage-error.ts'

/** `parseArgs` with errors of ours, and `--help`, which prints `help` and gives undefined. */
export function readFlags<const T extends ParseArgsOptionsConfig>(argv: readonly string[], options: T, help: string) {
  return parse(argv, { options, allowPositionals: false, help })?.values
}

/** Reads the flags of a command that also takes names without a flag. */
export function readFlagsAndNames<const T extends ParseArgsOptionsConfig>(
  argv: readonly string[],
  options: T,
  help: string,
) {
  const parsed = parse(argv, { options, allowPositionals: true, help })
  return parsed && { values: parsed.values, names: parsed.positionals }
}

function parse<const T extends ParseArgsOptionsConfig>(
  argv: readonly string[],
  { options, allowPositionals, help }: { options: T; allowPositionals: boolean; help: string },
) {
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(help.replace('changefeed', commandName()))
    return undefined
  }
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals })
  } catch (error) {
    throw new UsageError(flagError(error as Error & { readonly code?: string }, Object.keys(options)))
  }
}

function flagError({ code, message }: Error & { readonly code?: string }, names: readonly string[]): string {
  const quoted = /'([^']+)'/.exec(message)?.[1] ?? ''
  const flag = /--?[\w-]+(?= <|$| )/.exec(quoted.replace(/^-\w, /, ''))?.[0] ?? quoted
  switch (code) {
    case 'ERR_PARSE_ARGS_UNKNOWN_OPTION': {
      const meant = nearestName(flag.replace(/^-+/, ''), names)
      return `unknown flag ${flag}${meant === undefined ? '' : `; did you mean --${meant}?`}`
    }
    case 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL':
      return `unexpected argument "${quoted}"`
    case 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE':
      return message.includes('does not take') ? `${flag} takes no value` : `${flag} needs a value`
    default:
      return message
  }
}

/** Which values a flag may have. */
export interface FlagChoice<Value extends string> {
  /** `--log-format` */
  readonly flag: string
  /** The plural for the values in messages, such as `formats`. */
  readonly what: string
  readonly values: readonly Value[]
}

/** Throws for a value that the flag may not have. */
export function readChoice<Value extends string>(text: string, { flag, what, values }: FlagChoice<Value>): Value {
  const value = values.find((candidate) => candidate === text)
  if (value === undefined) throw new UsageError(`${flag}=${text}: valid ${what} are ${values.join(', ')}`)
  return value
}

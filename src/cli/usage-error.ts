// Flags that do not fit: reported without a stack, because whoever typed them can mend them.

import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import { nearestName } from '../core/nearest-name.ts'

export class UsageError extends Error {
  /** Undefined: the command's --help says it. */
  readonly hint: string | undefined

  constructor(message: string, hint?: string) {
    super(message)
    this.hint = hint
  }
}

/** `parseArgs` with errors of ours, and `--help`, which prints `help` and gives undefined. */
export function readFlags<const T extends ParseArgsOptionsConfig>(argv: readonly string[], options: T, help: string) {
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(help)
    return undefined
  }
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: false }).values
  } catch (error) {
    const { code, message } = error as Error & { readonly code?: string }
    const flag = /'(--?[^' ]+)'/.exec(message)?.[1]
    if (code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION' || flag === undefined) throw new UsageError(message)
    const meant = nearestName(flag.replace(/^-+/, ''), Object.keys(options))
    throw new UsageError(`unknown flag ${flag}${meant === undefined ? '' : `; did you mean --${meant}?`}`)
  }
}

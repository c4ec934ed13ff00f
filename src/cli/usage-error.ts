// Flags that do not fit: reported without a stack, because whoever typed them can mend them.

import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'

export class UsageError extends Error {}

/** `parseArgs` with errors of ours, and `--help`, which prints `help` and gives undefined. */
export function readFlags<const T extends ParseArgsOptionsConfig>(argv: readonly string[], options: T, help: string) {
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(help)
    return undefined
  }
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: false }).values
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

export interface Address {
  readonly host: string
  readonly port: number
}

/** `HOST`, `HOST:PORT`, `:PORT`, `[::1]:PORT`. */
export function readAddress(text: string, flag: string, fallback: Address): Address {
  const match = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d{1,5}))?$/.exec(text)
  const port = match?.[3] === undefined ? fallback.port : Number(match[3])
  if (match === null || port > 65_535) throw new UsageError(`${flag}=${text} is not HOST:PORT`)
  const host = match[1] ?? match[2] ?? ''
  return { host: host === '' ? fallback.host : host, port }
}

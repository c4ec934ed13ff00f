// Flags that do not fit: reported without a stack, because whoever typed them can mend them.

import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import { nearestName } from '../core/nearest-name.ts'

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
    const { code, message } = error as Error & { readonly code?: string }
    const flag = /'(--?[^' ]+)'/.exec(message)?.[1]
    if (code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION' || flag === undefined) throw new UsageError(message)
    const meant = nearestName(flag.replace(/^-+/, ''), Object.keys(options))
    throw new UsageError(`unknown flag ${flag}${meant === undefined ? '' : `; did you mean --${meant}?`}`)
  }
}

/** 0 is a free one. */
export function readPort(text: string, flag: string, least: 0 | 1 = 1): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : -1
  if (port < least || port > 65_535) throw new UsageError(`${flag}=${text} is not a port`)
  return port
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

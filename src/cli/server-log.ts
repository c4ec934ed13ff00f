// The log of the server: lines of pino, as they are or as the flags ask for them, into a file of the store.

import pino from 'pino'
import { LogFile } from './log-file.ts'
import { defaultLogStyle, type LogStyle } from './log-flags.ts'
import { callerOf, lineOf } from './log-format.ts'

export function serverLog(storeDir: string, style: LogStyle = defaultLogStyle): pino.Logger {
  const file = new LogFile(storeDir, style)
  return logTo((line) => file.write(line), style)
}

/** A log whose lines `write` gets, each with its line feed. */
export function logTo(
  write: (line: string) => void,
  { level, format }: Pick<LogStyle, 'level' | 'format'>,
): pino.Logger {
  const mixin = format === 'crdb-v1' ? { mixin: () => ({ caller: callerOf(new Error().stack ?? '') }) } : {}
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, ...mixin }
  return pino(options, { write: (line: string) => write(format === 'json' ? line : lineOf(format, line)) })
}

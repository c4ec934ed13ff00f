// The log of the server, a file in its store. A full disk is one of the things that it has to report: a line that cannot be written
// to the file goes to the standard error, and is lost if that fails, too. The server continues in both cases.

import { chmodSync, fchmodSync, fstatSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import pino from 'pino'
import { defaultLogStyle, type LogStyle } from './log-flags.ts'
import { callerOf, lineOf } from './log-format.ts'

const standardError = 2

export function serverLog(storeDir: string, style: LogStyle = defaultLogStyle): pino.Logger {
  const logs = join(storeDir, 'logs')
  mkdirSync(logs, { recursive: true, mode: 0o700 })
  const fd = openSync(join(logs, 'changefeed.log'), 'a', 0o600)
  // An earlier version made the folder readable for everybody.
  chmodSync(logs, 0o700)
  if (fstatSync(fd).isFile()) fchmodSync(fd, 0o600)
  return logTo((line) => {
    if (!written(fd, line)) written(standardError, line)
  }, style)
}

/** A log whose lines `write` gets, each with its line feed. */
export function logTo(write: (line: string) => void, { level, format }: LogStyle): pino.Logger {
  const mixin = format === 'crdb-v1' ? { mixin: () => ({ caller: callerOf(new Error().stack ?? '') }) } : {}
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, ...mixin }
  return pino(options, { write: (line: string) => write(format === 'json' ? line : lineOf(format, line)) })
}

function written(fd: number, line: string): boolean {
  try {
    writeSync(fd, line)
    return true
  } catch {
    return false
  }
}

// The server's own log. It lies on the disk of the store, and a full disk is just what it has to tell of: what cannot be
// written there goes to the standard error, and what cannot be written there either is lost. The server goes on.

import { chmodSync, fchmodSync, fstatSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import pino from 'pino'
import { callerOf, lineOf, type LogFormat } from './log-format.ts'

const standardError = 2

export function serverLog(storeDir: string, format: LogFormat = 'json'): pino.Logger {
  const logs = join(storeDir, 'logs')
  mkdirSync(logs, { recursive: true, mode: 0o700 })
  const fd = openSync(join(logs, 'changefeed.log'), 'a', 0o600)
  // Made by an earlier version, which let everybody read it.
  chmodSync(logs, 0o700)
  if (fstatSync(fd).isFile()) fchmodSync(fd, 0o600)
  const write = (line: string): void => {
    const text = format === 'json' ? line : lineOf(format, line)
    if (!written(fd, text)) written(standardError, text)
  }
  const mixin = format === 'crdb-v1' ? { mixin: () => ({ caller: callerOf(new Error().stack ?? '') }) } : {}
  return pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime, ...mixin }, { write })
}

function written(fd: number, line: string): boolean {
  try {
    writeSync(fd, line)
    return true
  } catch {
    return false
  }
}

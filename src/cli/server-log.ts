// The server's own log. It lies on the disk of the store, and a full disk is just what it has to tell of: what cannot be
// written there goes to the standard error, and what cannot be written there either is lost. The server goes on.

import { mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import pino from 'pino'

const standardError = 2

export function serverLog(storeDir: string): pino.Logger {
  mkdirSync(join(storeDir, 'logs'), { recursive: true })
  const fd = openSync(join(storeDir, 'logs', 'changefeed.log'), 'a')
  const write = (line: string): void => {
    if (!written(fd, line)) written(standardError, line)
  }
  return pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, { write })
}

function written(fd: number, line: string): boolean {
  try {
    writeSync(fd, line)
    return true
  } catch {
    return false
  }
}

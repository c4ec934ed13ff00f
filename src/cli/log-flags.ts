// The flags that say how much the server writes into its log, and how it looks.

import { readChoice } from './read-flags.ts'

export const logFormats = ['json', 'text', 'crdb-v1'] as const
export type LogFormat = (typeof logFormats)[number]

/** From the one with most lines on. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

export interface LogStyle {
  readonly format: LogFormat
  /** Lines of this severity and above are written. */
  readonly level: LogLevel
}

export const defaultLogStyle: LogStyle = { format: 'json', level: 'info' }

/** As the flags say. Throws for a level or a format that does not exist. */
export function readLogStyle({ level, format }: { readonly level: string; readonly format: string }): LogStyle {
  return {
    level: readChoice(level, { flag: '--log-level', what: 'levels', values: logLevels }),
    format: readChoice(format, { flag: '--log-format', what: 'formats', values: logFormats }),
  }
}

// The flags that say how much the server writes into its log, and how it looks.

import { parseSize } from '../settings/setting-values.ts'
import type { LogLimits } from './log-file.ts'
import { readChoice } from './read-flags.ts'
import { UsageError } from './usage-error.ts'

export const logFormats = ['json', 'text', 'crdb-v1'] as const
export type LogFormat = (typeof logFormats)[number]

/** From the one with most lines on. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

export interface LogStyle extends LogLimits {
  readonly format: LogFormat
  /** Lines of this severity and above are written. */
  readonly level: LogLevel
}

export const defaultLogSizes = { file: '10MiB', total: '100MiB' } as const

const mebibyte = 1024 * 1024

export const defaultLogStyle: LogStyle = {
  format: 'json',
  level: 'info',
  fileBytes: 10 * mebibyte,
  totalBytes: 100 * mebibyte,
}

export interface LogFlags {
  readonly level: string
  readonly format: string
  readonly fileSize: string
  readonly totalSize: string
}

/** Throws for a level or a format that does not exist. */
export function readLogLines({
  level,
  format,
}: Pick<LogFlags, 'level' | 'format'>): Pick<LogStyle, 'level' | 'format'> {
  return {
    level: readChoice(level, { flag: '--log-level', what: 'levels', values: logLevels }),
    format: readChoice(format, { flag: '--log-format', what: 'formats', values: logFormats }),
  }
}

/** As the flags say. */
export function readLogStyle({ level, format, fileSize, totalSize }: LogFlags): LogStyle {
  const fileBytes = sizeOf('--log-file-max-size', fileSize)
  const totalBytes = sizeOf('--log-dir-max-size', totalSize)
  if (totalBytes < 2 * fileBytes)
    throw new UsageError(
      `--log-dir-max-size=${totalSize} has no room for two files of ${fileSize}`,
      'one is written, and one is kept: raise it, or lower --log-file-max-size',
    )
  return { ...readLogLines({ level, format }), fileBytes, totalBytes }
}

function sizeOf(flag: string, text: string): number {
  const bytes = parseSize(text)
  if (bytes !== undefined && bytes > 0) return bytes
  throw new UsageError(`${flag}=${text} is no size`, `such as ${flag}=10MiB`)
}

// The settings of the shell, which its flags and \set change.

import type { DisplayFormat } from './display-format.ts'

export interface ShellSettings {
  format: DisplayFormat
  /** The format of changefeeds. Its default is another one, because a table is for results that end. */
  feedFormat: DisplayFormat
  /** The user has not chosen a format, so a table that is wider than the terminal is printed as records. */
  fitsTerminal: boolean
  /** Whether a failed statement ends the shell. By default it does, unless the input is a terminal. */
  errexit: boolean
  /** Whether to print how long each statement took, on a terminal. */
  showTimes: boolean
}

/** `chosen` is the format of the user; undefined if it depends on whether the output is a terminal. */
export function formatSettings(
  chosen: DisplayFormat | undefined,
  isTerminal: boolean,
): Pick<ShellSettings, 'format' | 'feedFormat' | 'fitsTerminal'> {
  return {
    format: chosen ?? (isTerminal ? 'table' : 'tsv'),
    feedFormat: chosen ?? 'ndjson',
    fitsTerminal: chosen === undefined && isTerminal,
  }
}

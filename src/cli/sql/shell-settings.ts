// The settings of the shell, which its flags and \set change.

import type { DisplayFormat } from './display-format.ts'

export interface ShellSettings {
  format: DisplayFormat
  /** Of changefeeds, where the default differs: a table is for what ends. */
  feedFormat: DisplayFormat
  /** The user has named no format: a table that is wider than the terminal prints as records. */
  fitsTerminal: boolean
  /** A failed statement ends the shell, unless it reads from a terminal. */
  errexit: boolean
  /** Each statement's time on a terminal. */
  showTimes: boolean
}

/** `chosen`: by the user; undefined: by where the output goes. */
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

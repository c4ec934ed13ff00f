// What the parts of the shell share.

import type { DisplayFormat } from './display-format.ts'
import type { Output } from './output.ts'
import type { Session } from './session.ts'

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

export interface Shell {
  readonly session: Session
  readonly settings: ShellSettings
  readonly output: Output
  readonly messages: Output
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

// What the parts of the shell share.

import type { DisplayFormat } from './display-format.ts'
import type { Output } from './output.ts'
import type { Session } from './session.ts'

export interface ShellSettings {
  format: DisplayFormat
  /** Of changefeeds: a table is laid out at the end, and they have none. */
  feedFormat: Exclude<DisplayFormat, 'table'>
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
): Pick<ShellSettings, 'format' | 'feedFormat'> {
  return {
    format: chosen ?? (isTerminal ? 'table' : 'tsv'),
    feedFormat: chosen === undefined || chosen === 'table' ? 'ndjson' : chosen,
  }
}

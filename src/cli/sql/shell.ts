// What the parts of the shell share.

import type { DisplayFormat } from './display-format.ts'
import type { Output } from './output.ts'
import type { Session } from './session.ts'

export interface ShellSettings {
  format: DisplayFormat
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

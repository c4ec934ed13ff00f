// The state that the parts of the shell share.

import type { Output } from './output.ts'
import type { Session } from './session.ts'
import type { ShellSettings } from './shell-settings.ts'

export interface Shell {
  readonly session: Session
  readonly settings: ShellSettings
  readonly output: Output
  readonly messages: Output
}

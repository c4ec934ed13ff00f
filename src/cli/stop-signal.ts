// The signals that stop a command. SIGHUP comes when the terminal is closed, possibly twice (from the kernel and from our parent
// process), so it always requests a clean stop. A second Ctrl-C or SIGTERM requests an immediate stop, and so does SIGQUIT (Ctrl-\),
// which would otherwise end this process alone.
//
// A server that has files to read again does that for a SIGHUP, unless the terminal or the parent process is gone.

import { isHungUp } from './hang-up.ts'

export interface StopSignals {
  readonly asked: () => void
  /** Called before the program exits without having stopped cleanly. */
  readonly atOnce: () => void
  /** What a SIGHUP asks for as long as nobody has hung up; undefined: a clean stop. */
  readonly reload?: (() => void) | undefined
}

export function stopSignal({ asked, atOnce, reload }: StopSignals): void {
  const leave = (): never => {
    atOnce()
    process.exit(1)
  }
  let count = 0
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (++count > 1) leave()
      asked()
    })
  }
  process.on('SIGQUIT', leave)
  process.on('SIGHUP', () => (reload === undefined || isHungUp() ? asked() : reload()))
}

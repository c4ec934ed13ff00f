// The signals that stop a command. SIGHUP comes when the terminal is closed, possibly twice (from the kernel and from our parent
// process), so it always requests a clean stop. A second Ctrl-C or SIGTERM requests an immediate stop, and so does SIGQUIT (Ctrl-\),
// which would otherwise end this process alone.

export interface StopSignals {
  readonly asked: () => void
  /** Called before the program exits without having stopped cleanly. */
  readonly atOnce: () => void
}

export function stopSignal({ asked, atOnce }: StopSignals): void {
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
  process.on('SIGHUP', asked)
}

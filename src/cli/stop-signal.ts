// The signals that stop a command which has started something. SIGHUP comes when the terminal is closed, perhaps from the
// kernel and from our own parent as well, so it only ever asks; a second Ctrl-C or SIGTERM means: at once.

export interface StopSignals {
  readonly asked: () => void
  /** Called before the program exits without having stopped cleanly. */
  readonly atOnce: () => void
}

export function stopSignal({ asked, atOnce }: StopSignals): void {
  let count = 0
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (++count > 1) {
        atOnce()
        process.exit(1)
      }
      asked()
    })
  }
  process.on('SIGHUP', asked)
}

// An error in the flags of a command. It is reported without a stack, because the user can correct it.

export class UsageError extends Error {
  /** The hint; undefined if the hint is to read the command's --help. */
  readonly hint: string | undefined

  constructor(message: string, hint?: string) {
    super(message)
    this.hint = hint
  }
}

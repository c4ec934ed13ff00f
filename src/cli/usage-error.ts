// Flags that do not fit: reported without a stack, because whoever typed them can mend them.

export class UsageError extends Error {
  /** Undefined: the command's --help says it. */
  readonly hint: string | undefined

  constructor(message: string, hint?: string) {
    super(message)
    this.hint = hint
  }
}

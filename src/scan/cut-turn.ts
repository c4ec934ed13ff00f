// The permission to have connections for a scan. A cut has it for as long as its connections are open.

export interface CutTurn extends Disposable {
  /** Aborts when somebody else needs the connections, and the scan does not get on. */
  readonly taken: AbortSignal
}

// The statements of ours that have started in a session and not ended. At most one is active; the others are portals that wait
// until the client asks for more of their rows.

import { randomBytes } from 'node:crypto'
import type { FeedError } from '../errors/feed-error.ts'
import { report } from '../wire/backend-writer.ts'
import type { ClientWriter } from './client-writer.ts'
import type { BackendLink } from './backend-link.ts'
import { LocalRun } from './local-run.ts'
import type { BackendQuery, SessionControl, StartedCall } from './local-statement.ts'
import { OccupiedBackend } from './occupied-backend.ts'
import type { RunningStatements } from './running-statements.ts'

export interface SessionRunsOptions {
  readonly writer: ClientWriter
  readonly link: () => BackendLink
  readonly running: RunningStatements
}

export class SessionRuns {
  readonly #options: SessionRunsOptions
  readonly #runs = new Set<LocalRun>()

  constructor(options: SessionRunsOptions) {
    this.#options = options
  }

  /** The statement for which the client waits. */
  get active(): LocalRun | undefined {
    for (const run of this.#runs) if (run.isActive) return run
    return undefined
  }

  /** Whether a cancel request to the backend would cancel only the wait that shows a statement of ours. */
  get isBackendHeld(): boolean {
    return this.active?.occupied?.isHeld === true
  }

  start(call: StartedCall, session: SessionControl): LocalRun {
    const { writer, link, running } = this.#options
    const run = new LocalRun({
      ...call,
      id: randomBytes(16).toString('hex'),
      session,
      write: (bytes, signal) => writer.write(bytes, signal),
      free: (bytes) => writer.free(bytes),
      notice: (severity, message, hint) =>
        writer.put(report({ severity, sqlstate: severity === 'WARNING' ? '01000' : '00000', message, hint })),
      occupy: (label, asking) => OccupiedBackend.open({ link: link(), label, ended: (error) => asking.abort(error) }),
      ended: () => {
        this.#runs.delete(run)
        running.remove(run)
      },
    })
    this.#runs.add(run)
    running.add(run)
    return run
  }

  /** Runs SQL on the session's backend, whose wait for the active statement is interrupted meanwhile. */
  readonly queryBackend: BackendQuery = async (sql) => {
    const query = (): Promise<(string | null)[][]> => this.#options.link().query(sql)
    const occupied = this.active?.occupied
    return occupied === undefined ? query() : occupied.around(query)
  }

  abortAll(reason: FeedError): void {
    for (const run of this.#runs) run.abort(reason)
  }
}

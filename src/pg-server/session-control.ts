// The control by which a statement of ours reads and changes the session in which it runs.

import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { quoteName } from '../core/quote.ts'
import type { ExtendedProtocol } from './extended-protocol.ts'
import type { BackendQuery, SessionControl } from './local-statement.ts'
import type { SessionBackend } from './session-backend.ts'

export interface ControlOptions {
  readonly socket: Socket
  /** The start-up parameters of the client. */
  readonly startup: ReadonlyMap<string, string>
  readonly backend: SessionBackend
  readonly extended: ExtendedProtocol
  readonly queryBackend: BackendQuery
}

export function sessionControl(options: ControlOptions): SessionControl {
  const { socket, startup, backend, extended, queryBackend } = options
  return {
    id: randomBytes(16).toString('hex'),
    user: startup.get('user') ?? '',
    get database() {
      return backend.database
    },
    get applicationName() {
      return backend.link.parameters.get('application_name') ?? startup.get('application_name') ?? ''
    },
    clientAddress: `${socket.remoteAddress ?? ''}:${socket.remotePort ?? ''}`,
    get backendPid() {
      return backend.link.pid
    },
    get transactionStatus() {
      return backend.link.status
    },
    queryBackend,
    switchDatabase: (name) => backend.switchTo(name, 'carry'),
    reset: (what) => reset(options, what),
    async deallocate(name) {
      const isOurs = extended.deallocate(name)
      if (name === undefined) await backend.link.query('DEALLOCATE ALL')
      else if (!isOurs) await backend.link.query(`DEALLOCATE ${quoteName(name)}`)
    },
  }
}

async function reset(
  { backend, extended }: ControlOptions,
  what: 'database' | 'settings' | 'everything',
): Promise<void> {
  const isAway = backend.database !== backend.home
  // If the session cannot move back, nothing else is reset either.
  if (isAway) await backend.checkNoTransaction()
  if (what === 'settings') await backend.link.query('RESET ALL')
  if (what === 'everything') {
    await backend.link.query('DISCARD ALL')
    extended.deallocate(undefined)
  }
  // A new connection is in the state after DISCARD ALL.
  if (isAway) await backend.switchTo(backend.home, what === 'everything' ? 'fresh' : 'carry')
}

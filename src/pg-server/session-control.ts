// What a statement of ours may know and change of the session it runs in.

import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import type { BackendLink } from './backend-link.ts'
import type { SessionControl } from './local-statement.ts'

export interface ControlOptions {
  readonly socket: Socket
  readonly startup: ReadonlyMap<string, string>
  readonly link: () => BackendLink
  readonly database: () => string
  readonly switchDatabase: SessionControl['switchDatabase']
  readonly queryBackend: SessionControl['queryBackend']
  readonly reset: SessionControl['reset']
  readonly deallocate: SessionControl['deallocate']
}

export function sessionControl({ socket, startup, link, database, ...control }: ControlOptions): SessionControl {
  return {
    ...control,
    id: randomBytes(16).toString('hex'),
    user: startup.get('user') ?? '',
    get database() {
      return database()
    },
    get applicationName() {
      return link().parameters.get('application_name') ?? startup.get('application_name') ?? ''
    },
    clientAddress: `${socket.remoteAddress ?? ''}:${socket.remotePort ?? ''}`,
    get backendPid() {
      return link().pid
    },
    get transactionStatus() {
      return link().status
    },
  }
}

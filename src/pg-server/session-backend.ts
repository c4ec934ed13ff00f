// The connection of a session to PostgreSQL: the first one, and the one that replaces it when the session moves to another
// database.

import { FeedError } from '../errors/feed-error.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { startupPacket } from '../wire/frontend-messages.ts'
import { BackendLink, type LinkHandlers } from './backend-link.ts'
import { carrySession } from './carry-session.ts'
import { canceled } from './query-session.ts'

export interface SessionBackendOptions {
  readonly server: SourceConnection
  readonly version: number
  /** The start-up parameters of the client. */
  readonly parameters: ReadonlyMap<string, string>
  /** The handlers of all connections; `lost` is not called for a connection before it is the session's. */
  readonly handlers: LinkHandlers
  readonly isClosed: () => boolean
  /** Called when the session has moved from one connection to another. */
  readonly moved: (from: BackendLink, to: BackendLink) => void
}

export class SessionBackend {
  readonly #options: SessionBackendOptions
  #link: BackendLink
  #database: string

  constructor(options: SessionBackendOptions) {
    this.#options = options
    this.#database = this.home
    this.#link = this.#connect(options.parameters, 'authenticating')
  }

  get link(): BackendLink {
    return this.#link
  }

  get database(): string {
    return this.#database
  }

  /** The database that the client connected to. */
  get home(): string {
    return this.#options.parameters.get('database') ?? ''
  }

  async checkNoTransaction(): Promise<void> {
    if ((await this.#link.statusNow()) === 'I') return
    throw new FeedError('FEED_STATE', 'the database cannot be changed inside a transaction', {
      sqlstate: '25001',
      hint: 'COMMIT or ROLLBACK first',
    })
  }

  /** Moves to another database, with the settings of the session ('carry') or without them ('fresh'). */
  async switchTo(name: string, what: 'carry' | 'fresh'): Promise<void> {
    const before = this.#link
    await this.checkNoTransaction()
    const next = this.#connect(new Map([...this.#options.parameters, ['database', name]]), 'replacing')
    try {
      await next.settled()
      if (what === 'carry') await carrySession(before, next)
    } catch (error) {
      next.close()
      if (!(error instanceof FeedError) || error.sqlstate !== '3D000') throw error
      throw new FeedError('FEED_NO_DATABASE', `database "${name}" does not exist`, {
        hint: 'SHOW DATABASES lists those that exist',
        cause: error,
      })
    }
    if (this.#options.isClosed()) {
      next.close()
      throw canceled()
    }
    this.#link = next
    this.#database = name
    this.#options.moved(before, next)
  }

  #connect(parameters: ReadonlyMap<string, string>, begins: 'authenticating' | 'replacing'): BackendLink {
    const { server, version, handlers } = this.#options
    const link: BackendLink = new BackendLink({
      server,
      startup: startupPacket(version, parameters),
      begins,
      handlers: {
        ...handlers,
        lost: (error, isTold) => {
          if (link === this.#link) handlers.lost(error, isTold)
        },
      },
    })
    return link
  }
}

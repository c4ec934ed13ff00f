// For tests: a PostgreSQL that somebody else has started, with a server of ours that is attached to it.

import { PostgresServerUnderTest, type PostgresServerOptions } from '../support/postgres-server.ts'
import { TestServer } from './test-server.ts'

export interface AttachedOptions extends PostgresServerOptions {
  /** Our role; without: the superuser. */
  readonly role?: { readonly name: string; readonly attributes: string }
  /** The database belongs to our role, which may keep its jobs in it. */
  readonly ownsDatabase?: boolean
  /** Further flags of `changefeed start`. */
  readonly flags?: readonly string[]
}

export interface Attached extends AsyncDisposable {
  readonly postgres: PostgresServerUnderTest
  readonly server: TestServer
}

/** Tests connect to the database app as the superuser, unless they say otherwise. */
export async function startAttached(options: AttachedOptions = {}): Promise<Attached> {
  const { role, flags } = options
  const postgres = await PostgresServerUnderTest.start(options)
  try {
    await postgres.sql('CREATE DATABASE app')
    const user = role === undefined ? 'postgres' : await postgres.role(role.attributes, role.name)
    if (options.ownsDatabase === true) await postgres.sql(`ALTER DATABASE app OWNER TO ${user}`)
    const attached = { url: postgres.url('app', user), user: 'postgres', database: 'app', flags }
    const server = await TestServer.start({ attached })
    return {
      postgres,
      server,
      async [Symbol.asyncDispose](): Promise<void> {
        await server[Symbol.asyncDispose]()
        await postgres[Symbol.asyncDispose]()
      },
    }
  } catch (error) {
    await postgres[Symbol.asyncDispose]()
    throw error
  }
}

// Ends changefeeds whose user has lost a right. Every few seconds the rights of all running changefeeds are checked, with one
// query for each database. A check that fails is repeated the next time.
//
// A job whose user was dropped continues: superusers see the job, and no right was revoked.

import { Serial } from '../../async/serial.ts'
import type { Logger } from 'pino'
import { quoteString } from '../../core/quote.ts'
import type { FeedTarget } from '../../core/feed-spec.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { CreatorRights, JobRights } from '../../jobs/job-rights.ts'
import { roleRightsSql, type RoleRights } from '../../plan/role-rights.ts'
import { lackOf } from '../../plan/targets.ts'
import type { Backend } from '../../postgres/backend.ts'
import { queryOnce } from '../../postgres/raw-connection.ts'

const everyMs = 5000

export interface WatchedRights {
  readonly database: string
  readonly user: string
  readonly targets: readonly FeedTarget[]
  readonly hasSink: boolean
}

export interface RightsWatchOptions {
  readonly backend: Pick<Backend, 'source' | 'hasDialect'>
  readonly rights: JobRights
  readonly log: Logger
}

export class RightsWatch {
  readonly #options: RightsWatchOptions
  readonly #watched = new Map<WatchedRights, (error: FeedError) => void>()
  readonly #timer: NodeJS.Timeout
  readonly #checks = new Serial()

  constructor(options: RightsWatchOptions) {
    this.#options = options
    this.#timer = setInterval(() => {
      if (this.#watched.size > 0) void this.#checks.run(() => this.#checkAll())
    }, everyMs)
  }

  /** Calls `lost` when a right is missing; returns the function that ends the watch. */
  watch(rights: WatchedRights, lost: (error: FeedError) => void): () => void {
    this.#watched.set(rights, lost)
    return () => this.#watched.delete(rights)
  }

  /** Throws if a right is missing now. */
  async check(rights: WatchedRights): Promise<void> {
    const lacks = await this.#lacks(rights.database, [rights])
    const error = lacks.get(rights)
    if (error !== undefined) throw error
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#checks.idle()
  }

  async #checkAll(): Promise<void> {
    const byDatabase = Map.groupBy(this.#watched.keys(), ({ database }) => database)
    for (const [database, watched] of byDatabase) {
      try {
        const lacks = await this.#lacks(database, watched)
        for (const [rights, error] of lacks) this.#watched.get(rights)?.(error)
      } catch (error) {
        this.#options.log.debug({ database, error: String(error) }, 'the rights of changefeeds could not be checked')
      }
    }
  }

  async #lacks(database: string, watched: readonly WatchedRights[]): Promise<Map<WatchedRights, FeedError>> {
    const { backend, rights } = this.#options
    const lacks = new Map<WatchedRights, FeedError>()
    const users = new Set(watched.flatMap(({ hasSink, user }) => (hasSink ? [user] : [])))
    const creators = new Map<string, CreatorRights>()
    for (const user of users) creators.set(user, await rights.ofCreator(user))
    const rows = await queryOnce({ ...backend.source, database }, doubtfulSql(watched, creators))
    for (const [index, hasUser, relid, schema, name, found] of rows) {
      const of = watched[Number(index)] as WatchedRights
      if (lacks.has(of) || (hasUser !== 't' && of.hasSink)) continue
      const lack = lackOf(
        {
          database,
          relid: Number(relid),
          schema: schema ?? '',
          name: name ?? '',
          ...(JSON.parse(found ?? '') as RoleRights),
        },
        { user: of.user, creator: of.hasSink ? creators.get(of.user) : undefined, makesKeys: backend.hasDialect },
      )
      if (lack !== undefined)
        lacks.set(of, new FeedError('FEED_PRIVILEGE', lack.message, { hint: lack.hint, detail: lack.detail }))
    }
    return lacks
  }
}

/**
 * The query returns only tables of which a right may be missing: of thousands of tables there may be none. It does not return
 * tables that were dropped, which a feed learns from the log.
 */
function doubtfulSql(watched: readonly WatchedRights[], creators: ReadonlyMap<string, CreatorRights>): string {
  const wanted = watched.map(({ user, targets, hasSink }, index) => {
    const creator = hasSink ? creators.get(user) : undefined
    const isByTable = creator !== undefined && !creator.isAdmin && !creator.mayCreate
    return `(${index}, ${quoteString(user)}, '{${targets.map(({ relid }) => relid).join()}}'::oid[], ${isByTable})`
  })
  const has = roleRightsSql('m.oid')
  return `SELECT w.index, m.oid IS NOT NULL, c.oid, n.nspname, c.relname, pg_catalog.json_build_object(
    'mayRead', has.may_read, 'mayUseSchema', has.may_use, 'rowSecurity', has.row_security, 'readableColumns', ${has.readableColumns})
FROM (VALUES ${wanted.join(', ')}) AS w (index, role, relids, by_table)
LEFT JOIN pg_catalog.pg_roles m ON m.rolname = w.role
JOIN pg_catalog.pg_class c ON c.oid = ANY (w.relids) JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (SELECT ${has.mayRead} AS may_read, ${has.mayUseSchema} AS may_use, ${has.rowSecurity} AS row_security) AS has
WHERE w.by_table OR NOT has.may_read OR NOT has.may_use OR has.row_security`
}

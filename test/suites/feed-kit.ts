// What the far end of a changefeed brings along so that test/suites/feed-suite.ts can run the promises of a feed over it.

import assert from 'node:assert/strict'
import type { TestFeed } from '../feed/test-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { needsInstalled } from '../support/servers/server-of-tests.ts'
import { endTogether, startTogether } from '../support/services.ts'

export interface FeedRequest {
  readonly server: TestServer
  readonly tables: readonly string[]
  /** Names of the topics. */
  readonly topics: readonly string[]
  /** What stands behind WITH; '' for nothing. */
  readonly options: string
  /** Of placeholders in the options. */
  readonly values: readonly string[]
}

export interface FarEnd extends AsyncDisposable {
  /** Runs the statement, and reads what it sends to the far end, where no other feed of the same table is read. */
  open(request: FeedRequest): Promise<TestFeed>
}

export interface FeedKit {
  /** Why these tests cannot run here. */
  readonly skip?: string | false
  /** The feed is a job: `open` gives a JobFeed. */
  readonly hasJob: boolean
  /** Shows hints of what ended a feed. */
  readonly showsHints: boolean
  /** `before` has the columns that the table had. False: those of the message, since its schema has no others. */
  readonly showsOldColumns: boolean
  /** The tables are partitioned, as far as their columns allow it. */
  readonly isPartitioned?: boolean
  start(): Promise<FarEnd>
  /** Without: a server with a PostgreSQL of its own. */
  startServer?(): Promise<TestServer>
  /**
   * Statements that a DBA runs for each new table, where the server installs nothing. It finds schema changes when it reads the
   * catalogue, and cannot refuse them.
   */
  prepareSql?(table: string): string
}

/** A server, the far end, and tables that no other test uses. */
export class FeedWorld implements AsyncDisposable {
  readonly server: TestServer
  readonly #farEnd: FarEnd
  readonly #kit: FeedKit
  #tables = 0

  private constructor(server: TestServer, farEnd: FarEnd, kit: FeedKit) {
    this.server = server
    this.#farEnd = farEnd
    this.#kit = kit
  }

  static async start(kit: FeedKit): Promise<FeedWorld> {
    const [server, farEnd] = await startTogether(kit.startServer?.() ?? TestServer.start(), kit.start())
    return new FeedWorld(server, farEnd, kit)
  }

  sql(text: string): Promise<Record<string, unknown>[]> {
    return this.server.sql(text)
  }

  /** Makes a table and gives its name. */
  async table(columns: string, rows = ''): Promise<string> {
    const name = `t${++this.#tables}`
    const { isPartitioned = false } = this.#kit
    if (isPartitioned && !columns.includes('UNIQUE')) await this.sql(partitionedSql(name, columns))
    else await this.sql(`CREATE TABLE ${name} (${columns})`)
    if (this.#kit.prepareSql !== undefined) await this.sql(this.#kit.prepareSql(name))
    if (rows !== '') await this.sql(`INSERT INTO ${name} VALUES ${rows}`)
    return name
  }

  open(table: string | readonly string[], options = '', values: readonly string[] = []): Promise<TestFeed> {
    const tables = typeof table === 'string' ? [table] : table
    const topics = tables.map((name) =>
      /\bfull_table_name\b/.test(options) ? `${this.server.database}.public.${name}` : name,
    )
    return this.#farEnd.open({ server: this.server, tables, topics, options, values })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await endTogether(this.server, this.#farEnd)
  }
}

/** What a part of the suite gets; `world` is there once its tests run. */
export interface FeedSuiteContext {
  readonly kit: FeedKit
  readonly world: () => FeedWorld
}

/** Two partitions, of which one has its columns under other numbers. The first column is the key. */
function partitionedSql(name: string, columns: string): string {
  const [key] = columns.split(' ')
  const hash = (remainder: number): string => `FOR VALUES WITH (MODULUS 2, REMAINDER ${remainder})`
  return `CREATE TABLE ${name} (${columns}) PARTITION BY HASH (${key}); CREATE TABLE ${name}_0 PARTITION OF ${name} ${hash(0)};
    CREATE TABLE ${name}_1 (gone INT, ${columns}); ALTER TABLE ${name}_1 DROP COLUMN gone; ALTER TABLE ${name} ATTACH PARTITION ${name}_1 ${hash(1)}`
}

/** Whether schema changes are found when the catalogue is read, and not at once, and nothing refuses them. */
export function looksForChanges(kit: FeedKit): boolean {
  return kit.prepareSql !== undefined || needsInstalled !== false
}

/** The feed has ended because its table was dropped. */
export function assertDropped(kit: FeedKit, { error }: TestFeed, table: string): void {
  if (!looksForChanges(kit)) assert.equal(error?.message, `"${table}" was dropped`)
  // Where it is found by looking, the table may have left the publication as well.
  else assert.match(error?.message ?? '', new RegExp(`${table}"? was dropped`))
}

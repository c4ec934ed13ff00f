// For tests of the doctor: a PostgreSQL with databases in which nothing is wrong, until a test breaks something in one.

import assert from 'node:assert/strict'
import { examine, type Examined } from '../../src/doctor/doctor.ts'
import type { Finding } from '../../src/doctor/finding.ts'
import type { SourceConnection } from '../../src/postgres/source-connection.ts'
import { PostgresServerUnderTest } from './postgres-server.ts'

export const examinedTable = { schema: 'public', name: 't' }

export interface ExaminedDatabase {
  readonly name: string
  /** On a connection of its own, as superuser. */
  sql(text: string): Promise<(string | null)[][]>
  readonly owner: SourceConnection
  /** A role with REPLICATION and SELECT, for which a DBA has prepared the database. */
  prepared(): Promise<SourceConnection>
}

export class ExaminedServer implements AsyncDisposable {
  readonly postgres: PostgresServerUnderTest
  #count = 0

  private constructor(postgres: PostgresServerUnderTest) {
    this.postgres = postgres
  }

  static async start(): Promise<ExaminedServer> {
    return new ExaminedServer(
      await PostgresServerUnderTest.start({
        version: 18,
        auth: 'scram-sha-256',
        settings: { max_slot_wal_keep_size: '10GB' },
      }),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.postgres[Symbol.asyncDispose]()
  }

  /** A database with a table in which nothing is wrong. */
  async database(options = ''): Promise<ExaminedDatabase> {
    const { postgres } = this
    const name = `db${++this.#count}`
    await postgres.sql(`CREATE DATABASE ${name} ${options}`)
    const sql = (text: string): Promise<(string | null)[][]> => postgres.sql(text, name)
    await sql('CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, i FROM generate_series(1, 1000) i')
    return {
      name,
      sql,
      owner: postgres.source(name),
      async prepared(): Promise<SourceConnection> {
        const role = await postgres.leastPrivileged({ database: name, tables: ['t'] })
        await sql(`CREATE SCHEMA changefeed_state AUTHORIZATION ${role}`)
        return postgres.source(name, role)
      },
    }
  }
}

export async function allFindings(source: SourceConnection, more: Partial<Examined> = {}): Promise<readonly Finding[]> {
  const { findings } = await examine({ source, state: source, tables: [examinedTable], measureMs: 1, ...more })
  return findings
}

/** What is not ok. */
export async function found(source: SourceConnection, more: Partial<Examined> = {}): Promise<readonly Finding[]> {
  return (await allFindings(source, more)).filter(({ verdict }) => verdict !== 'ok')
}

export interface ExpectedFinding {
  readonly id: string
  readonly verdict?: 'warning' | 'failure'
  readonly what: RegExp
  readonly remedy: RegExp
}

export function only(
  findings: readonly Finding[],
  { id, verdict = 'failure', what, remedy }: ExpectedFinding,
): Finding {
  assert.deepEqual(
    findings.map((finding) => [finding.id, finding.verdict]),
    [[id, verdict]],
    JSON.stringify(findings),
  )
  const [finding] = findings as [Finding]
  assert.match(finding.what, what)
  assert.match(finding.remedy ?? '', remedy)
  return finding
}

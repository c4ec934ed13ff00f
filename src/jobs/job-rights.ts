// Asks PostgreSQL for the rights of a user on jobs whenever they are needed. Nothing is cached here.

import { rightsSql } from './rights-sql.ts'
import type { JobsQuery } from './job-table.ts'

/** The rights of a user to create jobs. */
export interface CreatorRights {
  readonly isAdmin: boolean
  /** Whether the user may create jobs on all tables on which the user has SELECT. */
  readonly mayCreate: boolean
  /** Whether the user has CHANGEFEED on a table. */
  hasTable(database: string, relid: number): boolean
}

export interface TablePrivilege {
  readonly database: string
  readonly relid: number
  /** The role; undefined for PUBLIC. */
  readonly grantee: string | undefined
}

export class JobRights {
  readonly #query: JobsQuery

  private constructor(query: JobsQuery) {
    this.#query = query
  }

  /** Creates the roles, the functions and the table. */
  static async open(query: JobsQuery): Promise<JobRights> {
    await query(`SET client_min_messages = warning; ${rightsSql} RESET client_min_messages`, [])
    return new JobRights(query)
  }

  async isAdmin(user: string): Promise<boolean> {
    return isTrue((await this.#query('SELECT changefeed.is_admin($1)::text', [user]))[0]?.[0])
  }

  async ofCreator(user: string): Promise<CreatorRights> {
    const rows = await this.#query(
      `SELECT changefeed.is_admin($1)::text, changefeed.has_role($1, 'changefeed')::text, d.datname, p.relation::text
       FROM (VALUES (1)) AS one (n) LEFT JOIN (changefeed.table_privileges p JOIN pg_database d ON d.oid = p.database)
         ON p.grantee = 0 OR EXISTS (SELECT FROM pg_roles m, pg_roles g WHERE m.rolname = $1 AND g.oid = p.grantee AND pg_has_role(m.oid, g.oid, 'USAGE'))`,
      [user],
    )
    const tables = new Set(rows.map(([, , database, relid]) => `${relid} ${database}`))
    return {
      isAdmin: isTrue(rows[0]?.[0]),
      mayCreate: isTrue(rows[0]?.[1]),
      hasTable: (database, relid) => tables.has(`${relid} ${database}`),
    }
  }

  /**
   * Returns which of `owners` have statements that `user` may see. The rule is that of pg_stat_activity: members of
   * pg_read_all_stats see all statements, others those of themselves and of roles that they are members of.
   */
  async mayReadStatementsOf(user: string, owners: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.#query(
      `SELECT o.name FROM json_array_elements_text($2::json) AS o (name)
       WHERE o.name = $1::text OR EXISTS (SELECT FROM pg_roles m WHERE m.rolname = $1::text AND (
         pg_has_role(m.oid, 'pg_read_all_stats', 'USAGE')
         OR EXISTS (SELECT FROM pg_roles r WHERE r.rolname = o.name AND pg_has_role(m.oid, r.oid, 'USAGE'))))`,
      [user, JSON.stringify(owners)],
    )
    return new Set(rows.flatMap(([name]) => name ?? []))
  }

  /**
   * Returns whether `user` may cancel a statement of `owner`. The rule is that of pg_cancel_backend: the owner, members of the
   * owner's role and members of pg_signal_backend may, but only superusers may cancel a statement of a superuser. For
   * changefeeds, admins may do the same as superusers.
   */
  async mayCancelQuery(user: string, owner: string): Promise<boolean> {
    const rows = await this.#query(
      `SELECT ($1::text = $2::text OR changefeed.is_admin($1::text) OR EXISTS (SELECT FROM pg_roles m WHERE m.rolname = $1::text AND (
         EXISTS (SELECT FROM pg_roles r WHERE r.rolname = $2::text AND pg_has_role(m.oid, r.oid, 'USAGE'))
         OR (pg_has_role(m.oid, 'pg_signal_backend', 'USAGE')
           AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = $2::text AND r.rolsuper)))))::text`,
      [user, owner],
    )
    return isTrue(rows[0]?.[0])
  }

  /** Returns whether PostgreSQL would let the user drop, rename or copy the database. */
  async mayMoveDatabase(user: string, database: string): Promise<boolean> {
    const rows = await this.#query(
      `SELECT 1::text FROM pg_database d, pg_roles m WHERE d.datname = $2 AND m.rolname = $1
         AND (pg_has_role(m.oid, d.datdba, 'USAGE') OR (d.datistemplate AND m.rolcreatedb))`,
      [user, database],
    )
    return rows.length > 0
  }

  /** Returns which of the jobs exist and may be seen by the user. */
  async jobsSeenBy(user: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.#query(
      'SELECT job_id::text FROM changefeed.jobs WHERE job_id = ANY ($2::int8[]) AND changefeed.may_see($1, user_name)',
      [user, `{${ids.join()}}`],
    )
    return new Set(rows.flatMap(([id]) => id ?? []))
  }

  /** Returns false if there is no such role. */
  async hasRole(role: string): Promise<boolean> {
    return (await this.#query('SELECT 1::text FROM pg_roles WHERE rolname = $1', [role])).length > 0
  }

  async change(verb: 'grant' | 'revoke', { database, relid, grantee }: TablePrivilege): Promise<void> {
    const key = `SELECT d.oid, $2::oid, coalesce((SELECT oid FROM pg_roles WHERE rolname = $3), 0) FROM pg_database d WHERE d.datname = $1`
    await this.#query(
      verb === 'grant'
        ? `INSERT INTO changefeed.table_privileges ${key} ON CONFLICT DO NOTHING`
        : `DELETE FROM changefeed.table_privileges WHERE (database, relation, grantee) = (${key})`,
      [database, String(relid), grantee ?? null],
    )
  }
}

function isTrue(text: string | null | undefined): boolean {
  return text === 'true'
}

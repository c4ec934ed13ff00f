// Asks PostgreSQL for the rights of a user on jobs whenever they are needed. Nothing is cached here.

import type { State, StateQuery } from '../core/state.ts'
import { FeedError } from '../errors/feed-error.ts'
import { ourRoleSql, rightsSql, type AttachedRoles, type RightsSql } from './rights-sql.ts'

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

/** A role's rights on the jobs of others. */
export interface JobControl {
  /** The owners whose jobs it may control. */
  readonly owners: ReadonlySet<string>
  /** Whether it may control the jobs of all but admins. */
  readonly isController: boolean
}

export interface JobRightsOptions {
  readonly state: State
  /** Asks the PostgreSQL whose roles count. */
  readonly roles: StateQuery
  /** The role of the server itself, where it is no superuser; it is an admin. */
  readonly operator?: string | undefined
}

export class JobRights {
  readonly #state: State
  /** Asks the PostgreSQL of the users. */
  readonly #query: StateQuery
  readonly #operator: string | undefined

  private constructor({ state, roles, operator }: JobRightsOptions) {
    this.#state = state
    this.#query = roles
    this.#operator = operator
  }

  /** Creates the tables if they are missing. */
  static async open(options: JobRightsOptions): Promise<JobRights> {
    const { query, schema } = options.state
    const [row] = await query(`SELECT to_regclass('${schema}.table_privileges')::text`, [])
    if (row?.[0] == null) {
      // A privilege is of oids, so that it follows renames; 0 is PUBLIC.
      await query(
        `CREATE TABLE IF NOT EXISTS ${schema}.table_privileges (
          database oid NOT NULL, relation oid NOT NULL, grantee oid NOT NULL, PRIMARY KEY (database, relation, grantee))`,
        [],
      )
    }
    if (options.operator !== undefined) {
      const [counted] = await query(`SELECT to_regclass('${schema}.group_roles')::text`, [])
      if (counted?.[0] == null)
        await query(`CREATE TABLE IF NOT EXISTS ${schema}.group_roles (role oid PRIMARY KEY)`, [])
    }
    return new JobRights(options)
  }

  /** Undefined in a PostgreSQL of our own. */
  async #attached(): Promise<AttachedRoles | undefined> {
    if (this.#operator === undefined) return undefined
    const { query, schema } = this.#state
    const rows = await query(`SELECT role::text FROM ${schema}.group_roles`, [])
    return { operator: this.#operator, counted: rows.flatMap(([oid]) => oid ?? []) }
  }

  async #sql(): Promise<RightsSql> {
    return rightsSql(await this.#attached())
  }

  async isAdmin(user: string): Promise<boolean> {
    const sql = await this.#sql()
    return isTrue((await this.#query(`SELECT ${sql.isAdmin('$1::text')}::text`, [user]))[0]?.[0])
  }

  async ofCreator(user: string): Promise<CreatorRights> {
    const sql = await this.#sql()
    const [[admin, mayCreate, roles] = []] = await this.#query(
      `SELECT ${sql.isAdmin('$1::text')}::text, ${sql.hasRole('$1::text', "'changefeed'")}::text,
         (SELECT coalesce(array_agg(g.oid), '{}')::text FROM pg_catalog.pg_roles m, pg_catalog.pg_roles g
          WHERE m.rolname = $1::text AND pg_has_role(m.oid, g.oid, 'USAGE'))`,
      [user],
    )
    const tables = await this.#tablesOf(roles ?? '{}')
    return {
      isAdmin: isTrue(admin),
      mayCreate: isTrue(mayCreate),
      hasTable: (database, relid) => tables.has(`${relid} ${database}`),
    }
  }

  /** Returns the tables that were granted to PUBLIC or one of the roles, each as `relid database`. */
  async #tablesOf(roles: string): Promise<ReadonlySet<string>> {
    const { query, schema } = this.#state
    const granted = await query(
      `SELECT relation::text, database::text FROM ${schema}.table_privileges WHERE grantee = 0 OR grantee = ANY ($1::oid[])`,
      [roles],
    )
    if (granted.length === 0) return new Set()
    const oids = [...new Set(granted.map(([, oid]) => oid))]
    const databases = await this.#query(
      'SELECT oid::text, datname::text FROM pg_catalog.pg_database WHERE oid = ANY ($1::oid[])',
      [`{${oids.join()}}`],
    )
    const names = new Map(databases.map(([oid, name]) => [oid, name]))
    return new Set(granted.map(([relid, oid]) => `${relid} ${names.get(oid)}`))
  }

  async controlOf(user: string, owners: readonly string[]): Promise<JobControl> {
    const sql = await this.#sql()
    const rows = await this.#query(
      `SELECT asked.owner, ${sql.mayControl('$1::text', 'asked.owner')}::text, ${sql.hasRole('$1::text', "'controljob'")}::text
       FROM (SELECT '' UNION SELECT json_array_elements_text($2::json)) AS asked (owner)`,
      [user, JSON.stringify(owners)],
    )
    return {
      owners: new Set(rows.flatMap(([name, may]) => (isTrue(may) ? (name ?? []) : []))),
      isController: isTrue(rows[0]?.[2]),
    }
  }

  /** Returns which of the owners have jobs that the user may see. */
  async seenOwners(user: string, owners: readonly string[]): Promise<ReadonlySet<string>> {
    const sql = await this.#sql()
    const rows = await this.#query(
      `SELECT asked.owner FROM json_array_elements_text($2::json) AS asked (owner) WHERE ${sql.maySee('$1::text', 'asked.owner')}`,
      [user, JSON.stringify(owners)],
    )
    return new Set(rows.flatMap(([name]) => name ?? []))
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
    const sql = await this.#sql()
    const rows = await this.#query(
      `SELECT ($1::text = $2::text OR ${sql.isAdmin('$1::text')} OR EXISTS (SELECT FROM pg_roles m WHERE m.rolname = $1::text AND (
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
    const { query, schema } = this.#state
    const jobs = await query(`SELECT job_id::text, user_name FROM ${schema}.jobs WHERE job_id = ANY ($1::int8[])`, [
      `{${ids.join()}}`,
    ])
    const seen = await this.seenOwners(user, [...new Set(jobs.map(([, owner]) => owner ?? ''))])
    return new Set(jobs.flatMap(([id, owner]) => (seen.has(owner ?? '') ? (id ?? []) : [])))
  }

  /** Returns which of the roles are ours: a role with one of these names may have been somebody's before. */
  async oursOf(roles: readonly string[]): Promise<ReadonlySet<string>> {
    const isOurs = ourRoleSql(await this.#attached())
    const rows = await this.#query(
      `SELECT rolname::text FROM pg_catalog.pg_roles r WHERE rolname IN (SELECT json_array_elements_text($1::json)) AND ${isOurs}`,
      [JSON.stringify(roles)],
    )
    return new Set(rows.flatMap(([name]) => name ?? []))
  }

  /** Returns false if there is no such role. */
  async hasRole(role: string): Promise<boolean> {
    return (await this.#query('SELECT 1::text FROM pg_roles WHERE rolname = $1', [role])).length > 0
  }

  async change(verb: 'grant' | 'revoke', { database, relid, grantee }: TablePrivilege): Promise<void> {
    const [[databaseOid, role] = []] = await this.#query(
      `SELECT d.oid::text, coalesce((SELECT oid FROM pg_roles WHERE rolname = $2), 0)::text FROM pg_database d WHERE d.datname = $1`,
      [database, grantee ?? null],
    )
    if (databaseOid == null) throw new FeedError('FEED_NO_DATABASE', `database "${database}" does not exist`)
    const { query, schema } = this.#state
    await query(
      verb === 'grant'
        ? `INSERT INTO ${schema}.table_privileges VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`
        : `DELETE FROM ${schema}.table_privileges WHERE (database, relation, grantee) = ($1, $2, $3)`,
      [databaseOid, String(relid), role ?? '0'],
    )
  }
}

function isTrue(text: string | null | undefined): boolean {
  return text === 'true'
}

// Takes back the state that a server keeps in somebody's PostgreSQL. Only what is known to be ours is removed: the schema may hold
// tables of others, or they may have built views over ours.

import { FeedError } from '../errors/feed-error.ts'
import type { Queries } from '../postgres/queries.ts'
import { stateSchema, stateTables } from '../postgres/attached/prepare-state.ts'
import { stateApplication } from '../postgres/pool-queries.ts'
import { unfinishedJobs } from '../jobs/job-lists.ts'

export interface StateFound {
  readonly schema: string
  /** Who needs it now. */
  readonly needed: readonly string[]
}

/** Undefined: there is no state of ours. Throws if it is that of another PostgreSQL than `source`, a system identifier if it is known. */
export async function readState(connection: Queries, source: string | undefined): Promise<StateFound | undefined> {
  const [row] = await connection.query(
    `SELECT ${isOurs('source', 'system_identifier')} OR ${isOurs('jobs', 'payload')}, ${isOurs('jobs', 'payload')}, ${isOurs('source', 'system_identifier')}, current_database()`,
  )
  if (row?.[0] !== 't') return undefined
  if (row[2] === 't') await refuseOther(connection, { source, database: row[3] ?? '' })
  const needed = (await connection.query(serversSql)).map(
    ([server]) => `a server uses the jobs and settings: ${server}`,
  )
  const jobs =
    row[1] === 't' ? await unfinishedJobs({ query: (sql) => connection.query(sql), schema: stateSchema }) : []
  if (jobs.length > 0)
    needed.push(
      `${jobs.length === 1 ? 'a job is' : `${jobs.length} jobs are`} not over: ${jobs.map(({ id, database }) => `${id} (database "${database}")`).join(', ')}`,
    )
  return { schema: stateSchema, needed }
}

/** Throws if somebody has built something upon our tables. The schema stays if it has something else in it, or is not our role's. */
export async function removeState(connection: Queries, source: string | undefined): Promise<void> {
  if ((await readState(connection, source)) === undefined) return
  await connection.query(`DO $$ BEGIN
  DROP TABLE IF EXISTS ${stateTables.map((table) => `${stateSchema}.${table}`).join(', ')};
  DROP SEQUENCE IF EXISTS ${stateSchema}.job_ids;
  DROP FUNCTION IF EXISTS ${stateSchema}.only_its_owner();
  BEGIN
    DROP SCHEMA ${stateSchema};
  EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege THEN NULL;
  END;
END $$`)
}

async function refuseOther(
  connection: Queries,
  { source, database }: { readonly source: string | undefined; readonly database: string },
): Promise<void> {
  const [row] = await connection.query(`SELECT system_identifier FROM ${stateSchema}.source`)
  const found = row?.[0]
  if (source === undefined || found == null || found === source) return
  throw new FeedError(
    'FEED_STATE',
    `the jobs and settings in schema ${stateSchema} of database "${database}" are of another PostgreSQL: its system identifier is ${found}, that of --postgres is ${source}; nothing was changed`,
    {
      hint: `name with --postgres the PostgreSQL that they belong to, or with --system-url the database of its own. If the PostgreSQL of --postgres is the upgraded one (pg_upgrade), run there first:
UPDATE ${stateSchema}.source SET system_identifier = '${source}';`,
    },
  )
}

const isOurs = (table: string, column: string): string =>
  `EXISTS (SELECT FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.oid = to_regclass('${stateSchema}.${table}') AND c.relkind = 'r' AND a.attname = '${column}')`

/** The sessions of servers, as far as this role may see what they are. */
const serversSql = `SELECT format('process %s of user "%s" (%s)', min(pid), usename, application_name) FROM pg_stat_activity
  WHERE datname = current_database() AND starts_with(application_name, '${stateApplication}') GROUP BY usename, application_name`

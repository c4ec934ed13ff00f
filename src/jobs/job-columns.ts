// The columns of a job as clients see them, and the SELECTs that answer SHOW JOBS over a relation that has them.

interface JobColumn {
  readonly name: string
  /** A type of pg_catalog. */
  readonly type: 'int8' | 'text' | 'timestamp' | 'float4' | 'numeric'
  /** Over the table of jobs. */
  readonly from: string
}

const utc = (column: string): string => `${column} AT TIME ZONE 'UTC'`

/** In the order of `crdb_internal.jobs`. */
export const jobColumns: readonly JobColumn[] = [
  { name: 'job_id', type: 'int8', from: 'job_id' },
  { name: 'job_type', type: 'text', from: 'job_type' },
  { name: 'description', type: 'text', from: 'description' },
  { name: 'statement', type: 'text', from: "''::pg_catalog.text" },
  { name: 'user_name', type: 'text', from: 'user_name' },
  { name: 'status', type: 'text', from: 'status' },
  { name: 'running_status', type: 'text', from: 'running_status' },
  { name: 'created', type: 'timestamp', from: utc('created') },
  { name: 'started', type: 'timestamp', from: utc('started') },
  { name: 'finished', type: 'timestamp', from: utc('finished') },
  { name: 'modified', type: 'timestamp', from: utc('modified') },
  { name: 'fraction_completed', type: 'float4', from: 'fraction_completed' },
  { name: 'high_water_timestamp', type: 'numeric', from: 'high_water' },
  { name: 'error', type: 'text', from: 'error' },
  { name: 'coordinator_id', type: 'int8', from: 'CASE WHEN claimed_by IS NULL THEN NULL ELSE 1 END' },
]

/** The columns of SHOW JOBS. */
export const shownColumns = jobColumns.filter(({ name }) => name !== 'high_water_timestamp')

export const shown = shownColumns.map(({ name }) => name).join(', ')

/** SHOW JOBS: the running and paused jobs by their start, then the jobs that ended in the last twelve hours by their end. */
export function showJobsSql(relation: string): string {
  return `SELECT ${shown} FROM (SELECT *, row_number() OVER (ORDER BY finished NULLS FIRST, started) AS place
  FROM ${relation} WHERE finished IS NULL OR finished > pg_catalog.timezone('UTC', pg_catalog.now()) - interval '12 hours') AS jobs ORDER BY place`
}

/** SHOW JOB n, SHOW JOBS select: also jobs that ended long ago. `ids` is the text after IN. */
export function showTheseJobsSql(relation: string, ids: string): string {
  return `SELECT ${shown} FROM ${relation} WHERE job_id IN (${ids}) ORDER BY finished NULLS FIRST, started`
}

/** SHOW AUTOMATIC JOBS: the jobs that the server starts by itself, of which there are none. */
export function showAutomaticJobsSql(relation: string): string {
  return `SELECT ${shown} FROM ${relation} WHERE false`
}

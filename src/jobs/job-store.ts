// Jobs at rest: the table `changefeed.jobs` of the system database, and every statement that touches it. Each method is
// one statement, so each is atomic; what it returns is committed.

import { formatHlc, type Hlc } from '../core/hlc.ts'
import type { FeedSpec, SinkSpec } from '../core/feed-spec.ts'
import type { JobProgress } from '../core/job-progress.ts'
import { FeedError } from '../errors/feed-error.ts'
import { fromJson, toJson } from './job-json.ts'
import type { ClaimedJob, JobPayload, JobStatus, JobVerb, NewJob, StoredPayload } from './jobs.ts'
import type { PayloadSeal, SealedSink } from './payload-seal.ts'

/** Runs a statement in the system database; rows as text. */
export type JobsQuery = (
  sql: string,
  parameters: readonly (string | null)[],
) => Promise<readonly (readonly (string | null)[])[]>

/** How long a claim holds without being renewed. */
const leaseMs = 15_000

const tableSql = `CREATE TABLE IF NOT EXISTS changefeed.jobs (
  job_id int8 PRIMARY KEY,
  job_type text NOT NULL DEFAULT 'CHANGEFEED',
  description text NOT NULL,
  user_name text NOT NULL,
  status text NOT NULL,
  running_status text,
  created timestamptz NOT NULL DEFAULT clock_timestamp(),
  started timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished timestamptz,
  modified timestamptz NOT NULL DEFAULT clock_timestamp(),
  fraction_completed float4,
  high_water numeric(40, 10),
  error text NOT NULL DEFAULT '',
  payload text NOT NULL,
  progress text NOT NULL,
  claimed_by text,
  epoch int8 NOT NULL DEFAULT 0,
  lease_until timestamptz
)`

const live = `('running', 'pause-requested', 'cancel-requested')`

interface Request {
  readonly from: readonly JobStatus[]
  /** States in which the verb has nothing left to do. */
  readonly already: readonly JobStatus[]
  readonly set: string
  /** A job in another state cannot be … */
  readonly what: string
}

const requests: Readonly<Record<JobVerb, Request>> = {
  pause: {
    from: ['running'],
    already: ['paused', 'pause-requested'],
    set: `status = 'pause-requested'`,
    what: 'requested to be paused',
  },
  resume: {
    from: ['paused'],
    already: ['running'],
    set: `status = 'running', running_status = NULL, error = '', claimed_by = NULL`,
    what: 'resumed',
  },
  cancel: {
    from: ['running', 'pause-requested', 'paused'],
    already: ['canceled', 'cancel-requested'],
    set: `status = 'cancel-requested'`,
    what: 'requested to be canceled',
  },
}

export interface ClaimOptions {
  readonly fromOthers: boolean
  readonly known: readonly string[]
}

export interface UnfinishedJob {
  readonly id: string
  readonly database: string
  readonly relids: readonly number[]
}

export interface JobStoreOptions {
  readonly query: JobsQuery
  /** Names this server's claims. */
  readonly instance: string
  readonly seal: PayloadSeal
}

interface SealedPayload extends StoredPayload {
  readonly spec: Omit<FeedSpec, 'sink'> & { readonly sink: SinkSpec | SealedSink }
}

export class JobStore {
  readonly #query: JobsQuery
  /** Names this server's claims. */
  readonly #instance: string

  readonly #seal: PayloadSeal

  private constructor({ query, instance, seal }: JobStoreOptions) {
    this.#query = query
    this.#instance = instance
    this.#seal = seal
  }

  /** Makes the table when it is missing. */
  static async open(options: JobStoreOptions): Promise<JobStore> {
    const { query } = options
    const [row] = await query(`SELECT to_regclass('changefeed.jobs')::text`, [])
    if (row?.[0] == null) await query(tableSql, [])
    const store = new JobStore(options)
    await store.#sealAll()
    return store
  }

  /** An earlier version wrote sinks in plain text. */
  async #sealAll(): Promise<void> {
    const rows = await this.#query(
      `SELECT job_id::text, payload FROM changefeed.jobs WHERE payload::jsonb #>> '{spec,sink,tag}' NOT IN ('null', 'sealed')`,
      [],
    )
    for (const [id, payload] of rows) {
      const sealed = this.#sealed(fromJson<JobPayload>(payload ?? ''), id ?? '')
      await this.#query('UPDATE changefeed.jobs SET payload = $2 WHERE job_id = $1', [id ?? '', sealed])
    }
  }

  #sealed(payload: JobPayload, id: string): string {
    return toJson({ ...payload, spec: { ...payload.spec, sink: this.#seal.seal(payload.spec.sink, id) } })
  }

  /** An id for a new job. */
  async newId(): Promise<string> {
    const [row] = await this.#query('SELECT unique_rowid()::text', [])
    if (row?.[0] == null) throw new FeedError('FEED_BUG', 'a new job has no id')
    return row[0]
  }

  /** The job is this server's from the start. Asked again with the same id, it gives the same job. */
  async create({ id, description, user, payload, progress }: NewJob): Promise<ClaimedJob> {
    const [row] = await this.#query(
      `INSERT INTO changefeed.jobs (job_id, description, user_name, status, payload, progress, high_water, claimed_by, epoch, lease_until)
       VALUES ($8::int8, $1, $2, 'running', $3, $4, $5::numeric, $6, 1, clock_timestamp() + $7::interval)
       ON CONFLICT (job_id) DO UPDATE SET lease_until = EXCLUDED.lease_until RETURNING epoch::text, status`,
      [
        description,
        user,
        this.#sealed(payload, id),
        toJson(progress),
        decimal(progress.highWater),
        this.#instance,
        lease,
        id,
      ],
    )
    const [epoch, status] = row ?? []
    if (epoch == null) throw new FeedError('FEED_BUG', 'a new job has no row')
    const { sink } = payload.spec
    return { id, epoch, status: status as JobStatus, user, payload, sink: () => sink, progress }
  }

  /**
   * Takes the live jobs that nobody runs: those that nobody holds, and those that this server holds without knowing,
   * because the answer to an earlier claim was lost. `known`: those that run here or are about to. `fromOthers`: whoever
   * held a job before is known to be gone.
   */
  async claim({ fromOthers, known }: ClaimOptions): Promise<ClaimedJob[]> {
    const rows = await this.#query(
      `UPDATE changefeed.jobs SET claimed_by = $1, epoch = epoch + 1, lease_until = clock_timestamp() + $2::interval
       WHERE status IN ${live} AND CASE WHEN claimed_by = $1 THEN job_id <> ALL ($4::int8[])
         ELSE claimed_by IS NULL OR lease_until < clock_timestamp() OR $3::bool END
       RETURNING job_id::text, epoch::text, status, payload, progress, user_name`,
      [this.#instance, lease, String(fromOthers), list(known)],
    )
    return rows.map(([jobId, epoch, status, payloadText, progress, user]) => {
      const id = jobId ?? ''
      const payload = fromJson<SealedPayload>(payloadText ?? '')
      return {
        id,
        epoch: epoch ?? '',
        status: status as JobStatus,
        user: user ?? '',
        payload,
        sink: () => this.#seal.unseal(payload.spec.sink, id),
        progress: fromJson<JobProgress>(progress ?? ''),
      }
    })
  }

  /** Renews this server's leases; gives the jobs it still holds, with their epochs and states. */
  async renew(): Promise<ReadonlyMap<string, { readonly epoch: string; readonly status: JobStatus }>> {
    const rows = await this.#query(
      `UPDATE changefeed.jobs SET lease_until = clock_timestamp() + $2::interval
       WHERE claimed_by = $1 AND status IN ${live} RETURNING job_id::text, epoch::text, status`,
      [this.#instance, lease],
    )
    return new Map(rows.map(([id, epoch, status]) => [id ?? '', { epoch: epoch ?? '', status: status as JobStatus }]))
  }

  /** False: the claim is lost, and nothing is saved. What was said of an earlier error is over: it got somewhere; `status` is what it waits for now. */
  async save({ id, epoch }: ClaimedJob, progress: JobProgress, status?: string): Promise<boolean> {
    const { highWater, scan } = progress
    const rows = await this.#query(
      `UPDATE changefeed.jobs SET progress = $4, high_water = $5::numeric, fraction_completed = $6::float4,
         running_status = $7, modified = clock_timestamp()
       WHERE job_id = $1 AND epoch = $2 AND claimed_by = $3 AND status IN ${live} RETURNING job_id`,
      [
        id,
        epoch,
        this.#instance,
        toJson(progress),
        decimal(highWater),
        scan === undefined ? null : String(scan.fraction),
        status ?? runningStatus(progress),
      ],
    )
    return rows.length > 0
  }

  async say({ id, epoch }: ClaimedJob, status: string | null): Promise<void> {
    await this.#query(
      `UPDATE changefeed.jobs SET running_status = $3, modified = clock_timestamp() WHERE job_id = $1 AND epoch = $2 AND status IN ${live}`,
      [id, epoch, status],
    )
  }

  /** Ends the claim: the job is paused or over. False: the claim was lost before. */
  async settle(
    { id, epoch }: ClaimedJob,
    status: 'paused' | 'canceled' | 'succeeded' | 'failed',
    { error = '', runningStatus = null }: { error?: string; runningStatus?: string | null } = {},
  ): Promise<boolean> {
    const rows = await this.#query(
      `UPDATE changefeed.jobs SET status = $4, error = $5, running_status = $6, fraction_completed = NULL, claimed_by = NULL,
         lease_until = NULL, modified = clock_timestamp(), finished = CASE WHEN $4 = 'paused' THEN NULL ELSE clock_timestamp() END
       WHERE job_id = $1 AND epoch = $2 AND claimed_by = $3 RETURNING job_id`,
      [id, epoch, this.#instance, status, error, runningStatus],
    )
    return rows.length > 0
  }

  /** The server goes down: whoever comes next need not wait for the leases. */
  async release(): Promise<void> {
    await this.#query('UPDATE changefeed.jobs SET claimed_by = NULL, lease_until = NULL WHERE claimed_by = $1', [
      this.#instance,
    ])
  }

  /** All or none: what one job refuses leaves the others as they are. `user`: who must have the right, if anybody. */
  async request(ids: readonly string[], verb: JobVerb, user?: string): Promise<void> {
    const { from, already, set, what } = requests[verb]
    const rows = await this.#query(
      `WITH asked AS MATERIALIZED (
         SELECT job_id, status, user_name, $3::text IS NULL OR changefeed.may_control($3, user_name) AS may
         FROM changefeed.jobs WHERE job_id = ANY ($1::int8[]) ORDER BY job_id FOR UPDATE
       ), able AS (
         SELECT job_id FROM asked WHERE status = ANY ($2::text[]) AND may
       ), changed AS (
         UPDATE changefeed.jobs SET ${set}, modified = clock_timestamp() FROM asked
         WHERE jobs.job_id = asked.job_id AND asked.status = ANY ($4::text[])
           AND (SELECT count(*) FROM able) = cardinality($1::int8[])
       )
       SELECT job_id::text, status, may::text, changefeed.has_role($3, 'controljob')::text FROM asked`,
      [list(ids), list([...from, ...already]), user ?? null, list(from)],
    )
    const jobs = new Map(
      rows.map(([id, status, may, isController]) => [
        id,
        { status: status as JobStatus, may: may === 'true', isController: isController === 'true' },
      ]),
    )
    for (const id of ids) {
      const job = jobs.get(id)
      if (job === undefined) {
        throw new FeedError('FEED_STATE', `job with ID ${id} does not exist`, {
          sqlstate: '42704',
          hint: 'SHOW JOBS lists the jobs',
        })
      }
      if (!job.may) {
        const message = job.isController
          ? 'only admins can control jobs owned by other admins'
          : `user ${user} does not have privileges for job ${id}`
        throw new FeedError('FEED_PRIVILEGE', message, {
          detail: `the job is ${id}`,
          hint: 'an admin, the user who created it and members of that role may control it; GRANT controljob TO … is for the jobs of all but admins',
        })
      }
      if (from.includes(job.status) || already.includes(job.status)) continue
      throw new FeedError('FEED_STATE', `job ${id} with status ${job.status} cannot be ${what}`)
    }
  }

  /** From where on paused jobs have still to read the log. */
  async pausedProgress(): Promise<readonly { readonly database: string; readonly progress: JobProgress }[]> {
    const rows = await this.#query(`SELECT payload, progress FROM changefeed.jobs WHERE status = 'paused'`, [])
    return rows.map(([payload, progress]) => ({
      database: fromJson<StoredPayload>(payload ?? '').spec.database,
      progress: fromJson<JobProgress>(progress ?? ''),
    }))
  }

  /** The jobs that are not over, with their tables. */
  async unfinished(): Promise<readonly UnfinishedJob[]> {
    const rows = await this.#query(
      `SELECT job_id::text, payload FROM changefeed.jobs WHERE status = 'paused' OR status IN ${live}`,
      [],
    )
    return rows.map(([id, payload]) => {
      const { spec } = fromJson<StoredPayload>(payload ?? '')
      return { id: id ?? '', database: spec.database, relids: spec.targets.map(({ relid }) => relid) }
    })
  }

  async prune(retentionMs: number): Promise<void> {
    await this.#query(`DELETE FROM changefeed.jobs WHERE finished < clock_timestamp() - $1::interval`, [
      `${retentionMs} milliseconds`,
    ])
  }
}

const lease = `${leaseMs} milliseconds`

/** An array of plain words or numbers. */
function list(items: readonly string[]): string {
  return `{${items.join(',')}}`
}

function decimal(at: Hlc | undefined): string | null {
  return at === undefined ? null : formatHlc(at)
}

/** Seconds, nanoseconds, and the logical part behind a comma. */
function readable({ wall, logical }: Hlc): string {
  const nanos = 1_000_000_000n
  return `${wall / nanos}.${String(wall % nanos).padStart(9, '0')},${logical}`
}

/** The running_status of a feed that waits for nothing. */
export function runningStatus({ highWater }: JobProgress): string | null {
  return highWater === undefined ? null : `running: resolved=${readable(highWater)}`
}

// Jobs in PostgreSQL: which server has claimed which job, and the progress of each. Each method is one statement on the table of jobs
// and therefore atomic; what it returns is committed.

import { highWaterOf, scannedFraction, type JobProgress } from '../core/job-progress.ts'
import type { State, StateQuery } from '../core/state.ts'
import { FeedError } from '../errors/feed-error.ts'
import {
  pausedJobs,
  pruneJobs,
  restingProgress,
  unfinishedJobs,
  type PausedJob,
  type RestingJob,
  type UnfinishedJob,
} from './job-lists.ts'
import { requestJobs, type RequestOptions } from './job-requests.ts'
import { createdMsSql, decimal, isLive, list, makeJobTable, newIdSql, unawaited } from './job-table.ts'
import type { ClaimedJob, JobEnd, JobStatus, JobVerb, NewJob } from './jobs.ts'
import { refuseJobs, type RefusedJob } from './later-records.ts'
import { isSealedWith, type PayloadSeal } from './payload-seal.ts'
import { readProgress, writeProgress } from './progress-record.ts'
import { isReadable } from './record-version.ts'
import { runningStatus } from './running-status.ts'
import { SealedPayloads } from './sealed-payloads.ts'
import { changedBy, finalStatuses, inSql } from './transitions.ts'

/** How long a claim is valid without being renewed. */
const lease = '15000 milliseconds'

/** So many jobs show which sinks are in use. */
const shownSinks = 100

export interface ClaimOptions {
  readonly fromEarlier: boolean
  readonly known: readonly string[]
}

export interface JobStoreOptions {
  readonly state: State
  readonly rights: RequestOptions['rights']
  /** Identifies the claims of this server. */
  readonly instance: string
  readonly seal: PayloadSeal
  /**
   * Identifies the store of this server, where servers with other stores may use the same table: its claims begin with it. Undefined:
   * all servers that have ever used the table had this store.
   */
  readonly sharer?: string | undefined
}

export class JobStore {
  readonly #state: State
  readonly #query: StateQuery
  /** The name of the table of jobs. */
  readonly #jobs: string
  readonly #rights: RequestOptions['rights']
  /** A pattern of LIKE: the claims of earlier servers of this store. */
  readonly #earlier: string
  /** The key of the jobs that this server may claim; undefined: it may claim all. */
  readonly #key: string | undefined
  /** Identifies the claims of this server. */
  readonly #instance: string
  readonly #payloads: SealedPayloads

  private constructor({ state, rights, instance, seal, sharer }: JobStoreOptions) {
    this.#state = state
    this.#query = state.query
    this.#jobs = `${state.schema}.jobs`
    this.#rights = rights
    this.#instance = sharer === undefined ? instance : `${sharer}-${instance}`
    this.#earlier = sharer === undefined ? '%' : `${sharer}-%`
    this.#key = sharer === undefined ? undefined : seal.keyId
    this.#payloads = new SealedPayloads(seal)
  }

  /** Creates the table if it is missing. */
  static async open(options: JobStoreOptions): Promise<JobStore> {
    await makeJobTable(options.state)
    const store = new JobStore(options)
    await store.#payloads.sealAll(options.state)
    return store
  }

  /** Returns an id for a new job. */
  async newId(): Promise<string> {
    const [row] = await this.#query(newIdSql(this.#state.schema), [])
    if (row?.[0] == null) throw new FeedError('FEED_BUG', 'a new job has no id')
    return row[0]
  }

  /** Creates a job that this server has claimed. A second call with the same id returns the same job. */
  async create({ id, description, user, payload, progress }: NewJob): Promise<ClaimedJob> {
    const [row] = await this.#query(
      `INSERT INTO ${this.#jobs} (job_id, description, user_name, status, payload, progress, high_water, claimed_by, epoch, lease_until)
       VALUES ($8::int8, $1, $2, 'running', $3, $4, $5::numeric, $6, 1, clock_timestamp() + $7::interval)
       ON CONFLICT (job_id) DO UPDATE SET lease_until = EXCLUDED.lease_until RETURNING epoch::text, status, ${createdMsSql}`,
      [
        description,
        user,
        this.#payloads.write(payload, id),
        writeProgress(progress),
        decimal(highWaterOf(progress)),
        this.#instance,
        lease,
        id,
      ],
    )
    const [epoch, status, createdMs] = row ?? []
    if (epoch == null) throw new FeedError('FEED_BUG', 'a new job has no row')
    const { sink, registry } = payload.spec
    return {
      id,
      epoch,
      status: status as JobStatus,
      user,
      payload,
      sink: () => sink,
      registry: () => registry,
      progress,
      createdMs: Number(createdMs),
    }
  }

  /**
   * Claims the live jobs that no server runs: those without a valid claim, and those that this server has claimed without knowing,
   * because the answer to the earlier claim was lost. Jobs with records of later versions are left to other servers. `known` are the
   * jobs that run here or will run soon. `fromEarlier` means that all earlier servers of this store are known to have ended. Jobs
   * of another store are left to its servers: the changes that they need are in its changelog.
   */
  async claim({ fromEarlier, known }: ClaimOptions): Promise<ClaimedJob[]> {
    const rows = await this.#query(
      `UPDATE ${this.#jobs} SET claimed_by = $1, epoch = epoch + 1, lease_until = clock_timestamp() + $2::interval
       WHERE ${isLive} AND CASE WHEN CASE WHEN claimed_by = $1 THEN job_id <> ALL ($4::int8[])
         ELSE claimed_by IS NULL OR lease_until < clock_timestamp() OR claimed_by LIKE $3 END THEN ${isReadable} AND ${isSealedWith('$5')} ELSE false END
       RETURNING job_id::text, epoch::text, status, payload, progress, user_name, ${createdMsSql}, ${unawaited}`,
      [this.#instance, lease, fromEarlier ? this.#earlier : '', list(known), this.#key ?? null],
    )
    return rows.map(([jobId, epoch, status, payloadText, progress, user, createdMs]) => {
      const id = jobId ?? ''
      return {
        id,
        epoch: epoch ?? '',
        status: status as JobStatus,
        user: user ?? '',
        ...this.#payloads.read(payloadText ?? '', id),
        progress: readProgress(progress ?? '', id),
        createdMs: Number(createdMs),
      }
    })
  }

  /** Renews the claims of this server; returns the jobs that it still owns, with their epochs and statuses. */
  async renew(): Promise<ReadonlyMap<string, { readonly epoch: string; readonly status: JobStatus }>> {
    const rows = await this.#query(
      `UPDATE ${this.#jobs} SET lease_until = clock_timestamp() + $2::interval
       WHERE claimed_by = $1 AND ${isLive} RETURNING job_id::text, epoch::text, status, ${unawaited}`,
      [this.#instance, lease],
    )
    return new Map(rows.map(([id, epoch, status]) => [id ?? '', { epoch: epoch ?? '', status: status as JobStatus }]))
  }

  /**
   * Saves progress and removes the text of an earlier error. Returns false if the claim is lost; nothing is saved then.
   * `status` is what the job waits for.
   */
  async save({ id, epoch, payload }: ClaimedJob, progress: JobProgress, status?: string): Promise<boolean> {
    const fraction = scannedFraction(progress)
    const rows = await this.#query(
      `UPDATE ${this.#jobs} SET progress = $4, high_water = $5::numeric, fraction_completed = $6::float4,
         running_status = $7, modified = clock_timestamp()
       WHERE job_id = $1 AND epoch = $2 AND claimed_by = $3 AND ${isLive} RETURNING ${unawaited}`,
      [
        id,
        epoch,
        this.#instance,
        writeProgress(progress),
        decimal(highWaterOf(progress)),
        fraction === undefined ? null : String(fraction),
        status ?? runningStatus(progress, payload.spec.targets),
      ],
    )
    return rows.length > 0
  }

  async say({ id, epoch }: ClaimedJob, status: string | null): Promise<void> {
    await this.#query(
      `UPDATE ${this.#jobs} SET running_status = $3, modified = clock_timestamp() WHERE job_id = $1 AND epoch = $2 AND ${isLive} RETURNING ${unawaited}`,
      [id, epoch, status],
    )
  }

  /**
   * Ends the claim of a job that is paused or over. Returns false if the claim was lost before, or if another end was
   * requested meanwhile; the job is then claimed again and ended as requested.
   */
  async settle(
    { id, epoch }: ClaimedJob,
    status: JobEnd,
    { error = '', runningStatus = null }: { error?: string; runningStatus?: string | null } = {},
  ): Promise<boolean> {
    const rows = await this.#query(
      `UPDATE ${this.#jobs} SET status = $4, error = $5, running_status = $6, fraction_completed = NULL, claimed_by = NULL,
         lease_until = NULL, modified = clock_timestamp(), finished = CASE WHEN $4 IN ${inSql(finalStatuses)} THEN clock_timestamp() END
       WHERE job_id = $1 AND epoch = $2 AND claimed_by = $3 AND status = ANY ($7::text[]) RETURNING ${unawaited}`,
      [id, epoch, this.#instance, status, error, runningStatus, list(changedBy(status))],
    )
    return rows.length > 0
  }

  /** Ends all claims when the server stops, so that the next server need not wait until they expire. */
  async release(): Promise<void> {
    await this.#query(
      `UPDATE ${this.#jobs} SET claimed_by = NULL, lease_until = NULL WHERE claimed_by = $1 RETURNING ${unawaited}`,
      [this.#instance],
    )
  }

  /** Changes all jobs or none. `user` must have the right to control them; undefined for the server itself. */
  request(ids: readonly string[], verb: JobVerb, user?: string): Promise<void> {
    return requestJobs({ state: this.#state, rights: this.#rights }, { ids, verb, user })
  }

  /** Returns the progress of the jobs that no server runs now. */
  restingProgress(): Promise<readonly RestingJob[]> {
    return restingProgress(this.#state)
  }

  pausedJobs(): Promise<readonly PausedJob[]> {
    return pausedJobs(this.#state)
  }

  /** Writes into the rows of jobs that this server cannot run why they do not run. Returns the rows that it has changed. */
  refuseUnreadable(): Promise<readonly RefusedJob[]> {
    return refuseJobs(this.#state, this.#key)
  }

  /** How many jobs there are to run, and the sinks of the first of them (`SinkSpec.tag`). */
  async live(): Promise<{ readonly count: number; readonly sinks: readonly string[] }> {
    const rows = await this.#query(
      `SELECT job_id::text, CASE WHEN ${isReadable} THEN payload END, count(*) OVER ()::text
       FROM ${this.#jobs} WHERE ${isLive} LIMIT ${shownSinks}`,
      [],
    )
    const sinks = rows.flatMap(([id, payload]) =>
      payload == null ? [] : (this.#payloads.sinkTag(payload, id ?? '') ?? []),
    )
    return { count: Number(rows[0]?.[2] ?? 0), sinks: [...new Set(sinks)] }
  }

  /** Returns the jobs that are not over, with their tables. */
  unfinished(): Promise<readonly UnfinishedJob[]> {
    return unfinishedJobs(this.#state)
  }

  prune(retentionMs: number): Promise<void> {
    return pruneJobs(this.#state, retentionMs)
  }
}

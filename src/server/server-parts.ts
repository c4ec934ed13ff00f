// The parts of the server that its statements, its jobs and its metrics use.

import type { Logger } from 'pino'
import type { CertificateEnd } from '../core/certificate-end.ts'
import type { MetricScopes } from '../core/metric-scopes.ts'
import type { FeedPool } from '../feed/pool/feed-pool.ts'
import type { JobRights } from '../jobs/job-rights.ts'
import type { SeenJobs } from '../jobs/seen-jobs.ts'
import type { JobRegistry } from '../jobs/registry.ts'
import type { MetricPoints } from '../metrics/points/metric-points.ts'
import type { RunningStatements } from '../pg-server/running-statements.ts'
import type { Backend } from '../postgres/backend.ts'
import type { SettingsStore } from '../settings/store.ts'
import type { HeldCuts } from './feeds/held-cuts.ts'
import type { PausedJobs } from './metrics/paused-jobs.ts'
import type { TableNames } from './metrics/table-names.ts'
import type { RightsWatch } from './feeds/rights-watch.ts'
import type { Sources } from './sources/sources.ts'
import type { StatementWork } from './statements/statement-work.ts'
import type { TypeMemory } from './statements/type-memory.ts'

export interface ServerParts {
  readonly settings: SettingsStore
  /** The folder of nodelocal:// files; undefined: this server has none. */
  readonly externDir: string | undefined
  /** Sinks may not use the credentials of this server (--external-io-disable-implicit-credentials). */
  readonly refusesImplicit: boolean
  /** Files may not go to servers that a URI names (--external-io-disable-http). */
  readonly refusesHttp: boolean
  readonly sources: Sources
  readonly feeds: FeedPool
  readonly jobs: JobRegistry
  readonly rights: JobRights
  /** Reads the jobs for SHOW JOBS where there is no view of them. */
  readonly seenJobs: SeenJobs | undefined
  readonly watchedRights: RightsWatch
  readonly cuts: HeldCuts
  readonly scopes: MetricScopes
  /** The jobs that are paused, as metrics see them. */
  readonly paused: PausedJobs
  /** The full names of tables, as metrics show them. */
  readonly names: TableNames
  /** The points of the console's graphs. */
  readonly points: MetricPoints
  readonly backend: Backend
  readonly types: TypeMemory
  readonly running: RunningStatements
  /** When those of this server end. */
  readonly certificates: () => readonly CertificateEnd[]
  readonly work: StatementWork
  readonly log: Logger
}

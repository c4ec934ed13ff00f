// The parts of the server that its statements use. The desk hands them to every statement of ours.

import type { MetricScopes } from '../../core/metric-scopes.ts'
import type { FeedPool } from '../../feed/pool/feed-pool.ts'
import type { JobRights } from '../../jobs/job-rights.ts'
import type { JobRegistry } from '../../jobs/registry.ts'
import type { SourceConnection } from '../../postgres/source-connection.ts'
import type { SettingsStore } from '../../settings/store.ts'
import type { PostgresFailure } from '../explain/explain-loss.ts'
import type { HeldCuts } from '../feeds/held-cuts.ts'
import type { RightsWatch } from '../feeds/rights-watch.ts'
import type { Sources } from '../sources/sources.ts'
import type { TypeMemory } from './type-memory.ts'

export interface DeskOptions {
  readonly settings: SettingsStore
  readonly sources: Sources
  readonly feeds: FeedPool
  readonly jobs: JobRegistry
  readonly rights: JobRights
  readonly watchedRights: RightsWatch
  readonly cuts: HeldCuts
  readonly scopes: MetricScopes
  readonly source: Omit<SourceConnection, 'database'>
  readonly types: TypeMemory
  readonly postgresFailure: PostgresFailure
}

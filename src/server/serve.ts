// Server: introduces all rooms to each other. It starts PostgreSQL, the settings, the sources with their changelogs, the
// pool of feeds, the SQL front and HTTP, in this order, and stops them in the reverse one. It decides nothing itself.

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Logger } from 'pino'
import pg from 'pg'
import type { FeedError } from '../errors/feed-error.ts'
import { FeedPool } from '../feed/pool/feed-pool.ts'
import { MetricScopes } from '../core/metric-scopes.ts'
import { startHttp } from '../http/http.ts'
import { JobRights } from '../jobs/job-rights.ts'
import { JobStore } from '../jobs/job-store.ts'
import { installJobsView } from '../jobs/jobs-view.ts'
import { keepToOwner } from '../jobs/keep-to-owner.ts'
import { PayloadSeal } from '../jobs/payload-seal.ts'
import { JobRegistry } from '../jobs/registry.ts'
import { startFront } from '../pg-server/front.ts'
import { startEmbedded } from '../postgres/embedded/embedded.ts'
import { maxClients } from '../postgres/embedded/postmaster.ts'
import { poolQueries } from '../postgres/pool-queries.ts'
import { pinnedOptions } from '../postgres/source-connection.ts'
import { SettingsStore } from '../settings/store.ts'
import { HeldCuts } from './feeds/held-cuts.ts'
import { serverMetrics } from './metrics/metrics.ts'
import { startGivingBack } from './sources/give-back.ts'
import { pinLogs } from './sources/pin-logs.ts'
import { RightsWatch } from './feeds/rights-watch.ts'
import { jobStarter } from './feeds/run-job.ts'
import { Sources } from './sources/sources.ts'
import { StatementDesk } from './statements/statements.ts'
import { TypeMemory } from './statements/type-memory.ts'
import { postgresProblems, sourceProblems } from './explain/trouble-notices.ts'

const firstRetryMs = 1000

export interface ServeOptions {
  /** SQL; port 0: a free one. */
  readonly listen: { readonly host: string; readonly port: number }
  readonly http: { readonly host: string; readonly port: number }
  /** Names that HTTP requests may use for this server. */
  readonly httpNames?: readonly string[] | undefined
  readonly storeDir: string
  readonly log: Logger
  /** Somebody asked over HTTP that the server stop. */
  readonly onShutdown?: (() => void) | undefined
}

export interface RunningServer {
  readonly sqlPort: number
  readonly httpPort: number
  stop(): Promise<void>
}

export async function serve({
  listen,
  http,
  storeDir,
  httpNames = [],
  log,
  onShutdown,
}: ServeOptions): Promise<RunningServer> {
  // What is started is stopped in reverse, also when a later start fails.
  const stops: (() => Promise<unknown>)[] = []
  const stop = async (): Promise<void> => {
    for (const step of stops.splice(0).reverse()) {
      await step().catch((error: unknown) =>
        log.error({ error: String(error) }, 'a part of the server did not stop cleanly'),
      )
    }
  }
  let isReady = false
  try {
    const embedded = await startEmbedded({ dir: join(storeDir, 'postgres'), log })
    stops.push(() => embedded.stop('fast'))
    const postgresFailure = (): FeedError | undefined => embedded.failure
    const source = {
      host: embedded.source.host,
      port: embedded.source.port,
      socketDir: embedded.source.socketDir,
      user: 'root',
    }

    const system = new pg.Pool({
      host: source.socketDir,
      port: source.port,
      user: 'root',
      database: 'system',
      max: 4,
      application_name: 'pg-changefeed',
      options: `${pinnedOptions} -c transaction_timeout=0`,
    })
    // A broken idle connection is replaced at the next query.
    system.on('error', (error) => log.warn({ error: error.message }, 'lost a connection to the system database'))
    stops.push(() => system.end())
    const inSystem = poolQueries(system)
    const settings = await SettingsStore.open(inSystem)
    const store = await JobStore.open({
      query: inSystem,
      instance: randomBytes(8).toString('hex'),
      seal: PayloadSeal.open(join(storeDir, 'jobs.key')),
    })

    const sources = new Sources({ dir: join(storeDir, 'changelog'), source, settings, log, postgresFailure })
    stops.push(() => sources.close())
    let scopesOfJobs = (): (string | undefined)[] => []
    const scopes: MetricScopes = new MetricScopes(() => [...feeds.running.map(({ scope }) => scope), ...scopesOfJobs()])
    const feeds: FeedPool = new FeedPool(undefined, scopes)
    stops.push(() => feeds.close())
    // The jobs that go on need threads and clients, which load while everything else starts.
    feeds.prepare(await store.live())
    await sources.resume()

    const rights = await JobRights.open(inSystem)
    await keepToOwner(inSystem)
    await installJobsView(source, log)
    const watchedRights = new RightsWatch({ source, rights, log })
    stops.push(() => watchedRights.close())
    const cuts = new HeldCuts(() => settings.get('changefeed.initial_scan.max_snapshot_age'))
    stops.push(() => cuts.close())
    const jobs = await JobRegistry.open({
      store,
      start: jobStarter({ settings, rights: watchedRights, sources, feeds, cuts }),
      over: (id) => cuts.release(id),
      log,
      backoff: () => ({ firstMs: firstRetryMs, mostMs: settings.get('changefeed.max_retry_backoff') }),
      retentionMs: () => settings.get('jobs.retention_time'),
      scopes,
    })
    stops.push(() => jobs.close())
    scopesOfJobs = () => jobs.running.map(({ job }) => job.payload.spec.scope)
    stops.push(pinLogs(jobs, sources, log))
    stops.push(startGivingBack({ jobs, sources, settings, log }))

    const types = new TypeMemory()
    // Nobody waits for it: until it is known, the catalogue is asked.
    types.read(source).catch((error: unknown) => log.warn({ error: String(error) }, 'the types of users are not known'))
    const desk = new StatementDesk({
      settings,
      sources,
      feeds,
      jobs,
      rights,
      watchedRights,
      cuts,
      scopes,
      source,
      types,
      postgresFailure,
    })
    const front = await startFront({
      listen,
      backend: { socketDir: source.socketDir, port: source.port },
      handler: desk,
      defaultDatabase: 'defaultdb',
      maxSessions: maxClients,
      log,
    })
    desk.front = front
    stops.push(() => front.close())
    const web = await startHttp({
      host: http.host,
      port: http.port,
      names: [http.host, ...httpNames],
      ready() {
        if (!isReady) return { ok: false, reason: 'the server is starting or shutting down' }
        if (embedded.isUp) return { ok: true }
        return { ok: false, reason: embedded.failure?.message ?? 'PostgreSQL is being started again' }
      },
      problems: () => [...postgresProblems(embedded), ...sourceProblems(sources)],
      metrics: () => serverMetrics({ feeds, jobs, sources, scopes, settings }),
      ...(onShutdown === undefined ? {} : { shutdown: onShutdown }),
    })
    stops.push(() => web.close())
    isReady = true
    return {
      sqlPort: front.port,
      httpPort: web.port,
      async stop(): Promise<void> {
        isReady = false
        await stop()
      },
    }
  } catch (error) {
    await stop()
    throw error
  }
}

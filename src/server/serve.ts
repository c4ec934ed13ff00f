// Server: starts the parts of a server on the PostgreSQL that the caller gives, and connects them with each other: the
// settings, the sources with their changelogs, the pool of feeds, the SQL front and HTTP, in this order. They are stopped in
// the reverse order, and PostgreSQL last. The server decides nothing itself.
//
//   statements/statements.ts   which file runs which statement of a client
//   sources/sources.ts         the databases that are read, each with its changelog and its ingest thread
//   feeds/start-feed.ts        what every changefeed needs while it runs; run-job.ts starts those of jobs
//   metrics/metrics.ts         what /_status/vars prints
//   api/api.ts                 the HTTP API of the console
//   explain/                   errors of PostgreSQL and trouble with sources, in words for clients

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import { asFeedError } from '../errors/feed-error.ts'
import { FeedPool } from '../feed/pool/feed-pool.ts'
import { MetricScopes } from '../core/metric-scopes.ts'
import { packageVersion } from '../core/package-version.ts'
import type { State } from '../core/state.ts'
import { startHttp } from '../http/http.ts'
import { MetricPoints } from '../metrics/points/metric-points.ts'
import { storedMetrics } from '../metrics/stored-metrics.ts'
import { installJobsView } from '../jobs/jobs-view.ts'
import { PayloadSeal } from '../jobs/payload-seal.ts'
import { JobRegistry } from '../jobs/registry.ts'
import { SeenJobs } from '../jobs/seen-jobs.ts'
import { startFront, type LoginRules } from '../pg-server/front.ts'
import type { FrontTls } from '../pg-server/front-tls.ts'
import { RunningStatements } from '../pg-server/running-statements.ts'
import type { Backend } from '../postgres/backend.ts'
import { openPool, poolQueries, type PoolQuery } from '../postgres/pool-queries.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { apiPrefix } from './api/api.ts'
import { openApi } from './api/open-api.ts'
import { HeldCuts } from './feeds/held-cuts.ts'
import { MetricsPage } from './metrics/metrics.ts'
import { Readiness } from './readiness.ts'
import { PausedJobs } from './metrics/paused-jobs.ts'
import { namesOfTables } from './metrics/names-of-tables.ts'
import { TableNames } from './metrics/table-names.ts'
import { recordPoints } from './metrics/record-points.ts'
import { openState } from './open-state.ts'
import { reloadSettings } from './reload-settings.ts'
import { startGivingBack } from './sources/give-back.ts'
import { pinLogs } from './sources/pin-logs.ts'
import { RightsWatch } from './feeds/rights-watch.ts'
import { jobStarter } from './feeds/run-job.ts'
import { Sources } from './sources/sources.ts'
import { Statements } from './statements/statements.ts'
import { StatementWork } from './statements/statement-work.ts'
import { TypeMemory } from './statements/type-memory.ts'
import { jobsProblems, postgresProblems, sourceProblems } from './explain/trouble-notices.ts'

const firstRetryMs = 1000
/** Connections to the database of the state, and to that which is asked about roles. */
const connectionsOfPool = 4

export interface ServeOptions {
  /** The PostgreSQL of the server, which is stopped together with the server, even if the server does not start. */
  readonly backend: Backend
  /** The address for SQL; port 0: a free port. */
  readonly listen: { readonly host: string; readonly port: number }
  /** Who may come in there; undefined: everybody, without TLS. */
  readonly door?: FrontDoor | undefined
  readonly http: { readonly host: string; readonly port: number }
  /** Names that HTTP requests may use for this server, beside the name of `http`. */
  readonly httpNames?: readonly string[] | undefined
  readonly storeDir: string
  /** The folder of nodelocal:// files; undefined: there are none. */
  readonly externDir?: string | undefined
  /** Sinks may not use the credentials of this server. */
  readonly refusesImplicit?: boolean | undefined
  readonly refusesHttp?: boolean | undefined
  readonly log: Logger
  /** Called when an HTTP request asks the server to stop. */
  readonly onShutdown?: (() => void) | undefined
}

export interface FrontDoor {
  readonly tls: FrontTls | undefined
  readonly logins: LoginRules
}

export interface RunningServer {
  readonly sqlPort: number
  readonly httpPort: number
  stop(): Promise<void>
}

export async function serve(options: ServeOptions): Promise<RunningServer> {
  const { backend, listen, door, http, storeDir, externDir, httpNames = [], log, onShutdown } = options
  const { refusesImplicit = false, refusesHttp = false } = options
  // The parts that have been started are stopped in reverse order, even if a later one fails to start.
  const stops: (() => Promise<unknown>)[] = [() => backend.stop()]
  const stop = async (): Promise<void> => {
    for (const step of stops.splice(0).reverse()) {
      await step().catch((error: unknown) =>
        log.error({ error: String(error) }, 'a part of the server did not stop cleanly'),
      )
    }
  }
  let isReady = false
  try {
    const queriesIn = (connection: SourceConnection, what: string): PoolQuery => {
      const pool = openPool(connection, connectionsOfPool)
      // A broken idle connection is replaced at the next query.
      pool.on('error', (error) => log.warn({ error: error.message }, `lost a connection to ${what}`))
      stops.push(() => pool.end())
      return poolQueries(pool, what)
    }
    const { connection, schema, sharer } = backend.state
    const home = { ...backend.source, database: backend.homeDatabase }
    const isTogether = isDeepStrictEqual(home, connection)
    const state: State = {
      query: queriesIn(connection, isTogether ? 'PostgreSQL' : 'the database of jobs and settings'),
      schema,
    }
    const { settings, rights, store } = await openState({
      state,
      roles: isTogether ? state.query : queriesIn(home, 'PostgreSQL'),
      operator: backend.own === undefined ? backend.source.user : undefined,
      instance: randomBytes(8).toString('hex'),
      seal: PayloadSeal.open(join(storeDir, 'jobs.key')),
      sharer,
    })

    if (sharer !== undefined) stops.push(reloadSettings(settings, log))

    const sources = new Sources({ dir: join(storeDir, 'changelog'), backend, settings, log })
    stops.push(() => sources.close())
    let scopesOfJobs = (): (string | undefined)[] => []
    const scopes: MetricScopes = new MetricScopes(() => [...feeds.running.map(({ scope }) => scope), ...scopesOfJobs()])
    const feeds: FeedPool = new FeedPool(undefined, scopes)
    stops.push(() => feeds.close())
    // The jobs that continue need threads and clients, which load while everything else starts.
    feeds.prepare(await store.live())
    await sources.resume()

    const { source, own } = backend
    if (own !== undefined) await installJobsView({ source, own })
    const watchedRights = new RightsWatch({ backend, rights, log })
    stops.push(() => watchedRights.close())
    const cuts = new HeldCuts(() => settings.get('changefeed.initial_scan.max_snapshot_age'))
    stops.push(() => cuts.close())
    const jobs = await JobRegistry.open({
      store,
      start: jobStarter({ settings, externDir, refusesImplicit, refusesHttp, watchedRights, sources, feeds, cuts }),
      over: (id) => cuts.release(id),
      log,
      backoff: () => ({ firstMs: firstRetryMs, mostMs: settings.get('changefeed.max_retry_backoff') }),
      retentionMs: () => settings.get('jobs.retention_time'),
      scopes,
    })
    stops.push(() => jobs.close())
    scopesOfJobs = () => jobs.running.map(({ job }) => job.payload.spec.scope)
    stops.push(pinLogs(jobs, sources, log))
    stops.push(startGivingBack({ jobs, sources, settings }, log))

    const points = new MetricPoints({ dir: join(storeDir, 'metrics'), warn: (text) => log.warn(text) })
    stops.push(() => points.close())
    const paused = new PausedJobs(store)
    const names = new TableNames((database, relids) => namesOfTables({ ...source, database }, relids))
    const certificates = () => door?.tls?.ends ?? []
    stops.push(recordPoints({ feeds, jobs, sources, scopes, settings, paused, names, points, certificates }, log))

    const types = new TypeMemory()
    // Nothing waits for the answer: until the types are known, statements ask the catalogue.
    if (backend.hasDialect) {
      types
        .read(backend)
        .catch((error: unknown) => log.warn({ error: String(error) }, 'the types of users are not known'))
    }
    const running = new RunningStatements()
    const seenJobs = own === undefined ? new SeenJobs({ state, rights }) : undefined
    const parts = {
      settings,
      externDir,
      refusesImplicit,
      refusesHttp,
      sources,
      feeds,
      jobs,
      rights,
      seenJobs,
      watchedRights,
      cuts,
      scopes,
      paused,
      names,
      points,
      backend,
      types,
      running,
      certificates,
      work: new StatementWork(),
      log,
    }
    const front = await startFront({
      listen,
      backend: home,
      handler: new Statements(parts),
      running,
      defaultDatabase: backend.defaultDatabase,
      unnamedUser: own === undefined ? undefined : source.user,
      maxSessions: backend.maxClients,
      tls: door?.tls,
      logins: door?.logins,
      log,
    })
    stops.push(() => front.close())
    const { api, close: closeApi } = await openApi({
      parts,
      state,
      listen: { host: listen.host, port: front.port },
      logins: door?.logins,
      series: { metrics: storedMetrics, query: (query, signal) => points.query(query, signal) },
      version: packageVersion(),
    })
    stops.push(async () => closeApi())
    const readiness = new Readiness({ backend, state })
    const metricsPage = new MetricsPage(parts)
    const web = await startHttp({
      host: http.host,
      port: http.port,
      names: [http.host, ...httpNames],
      unready: async () => (isReady ? readiness.problem() : 'the server is starting or shutting down'),
      problems: () => [...postgresProblems(backend), ...jobsProblems(jobs), ...sourceProblems(sources)],
      metrics: (visibility) => metricsPage.text(visibility),
      api: { prefix: apiPrefix, answer: (request, response, url) => api.answer(request, response, url) },
      ...(onShutdown === undefined ? {} : { shutdown: onShutdown }),
      tls: door?.tls,
    })
    stops.push(() => web.close())
    isReady = true
    log.info(
      {
        event: 'start_server',
        version: packageVersion(),
        pid: process.pid,
        sql: `${listen.host}:${front.port}`,
        http: `${http.host}:${web.port}`,
        store: storeDir,
        postgres: own === undefined ? `${source.socketDir ?? source.host}:${source.port}` : 'its own',
      },
      'the server has started',
    )
    return {
      sqlPort: front.port,
      httpPort: web.port,
      async stop(): Promise<void> {
        isReady = false
        log.info({ event: 'stop_server' }, 'the server stops')
        await stop()
        log.info({ event: 'stopped_server' }, 'the server has stopped')
      },
    }
  } catch (error) {
    const { message, hint } = asFeedError(error)
    log.error({ event: 'start_server', error: message, hint }, 'the server could not start')
    await stop()
    throw error
  }
}

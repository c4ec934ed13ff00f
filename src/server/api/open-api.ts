// Opens the HTTP API of a server: who may use it follows from who may use the SQL port.

import type { State } from '../../core/state.ts'
import { isOnlyOurs } from '../../core/loopback.ts'
import type { SeriesStore } from '../../core/series.ts'
import { ListedJobs } from '../../jobs/listed-jobs.ts'
import type { LoginRules } from '../../pg-server/front.ts'
import type { ServerParts } from '../server-parts.ts'
import { Api } from './api.ts'
import { FeedRates } from './feed-rates.ts'
import { KeptSince } from './kept-since.ts'

export interface OpenApiOptions {
  readonly parts: Omit<ServerParts, 'cuts' | 'types'>
  readonly state: State
  /** Where the SQL port listens. */
  readonly listen: { readonly host: string; readonly port: number }
  /** Undefined: there are no passwords. */
  readonly logins: LoginRules | undefined
  readonly series: SeriesStore | undefined
  readonly version: string
}

export interface OpenedApi {
  readonly api: Api
  close(): void
}

export async function openApi(options: OpenApiOptions): Promise<OpenedApi> {
  const { parts, state, listen, logins, series, version } = options
  const { backend, rights } = parts
  const rates = new FeedRates(parts.feeds)
  const everybody = { name: backend.source.user, database: backend.defaultDatabase, password: undefined }
  const isForAll = ['0.0.0.0', '::', ''].includes(listen.host)
  const isOurs = !isForAll && (await isOnlyOurs(listen.host))
  const api = new Api({
    parts: { ...parts, listed: new ListedJobs({ state, rights }), rates, kept: new KeptSince() },
    // This process is let in without encryption, and so without a certificate, because it is on the machine of the port.
    port: { host: isForAll ? '127.0.0.1' : listen.host, port: listen.port },
    everybody: logins === undefined ? everybody : undefined,
    isOpen: logins === undefined ? !isOurs : logins.isInsecure,
    defaultDatabase: backend.defaultDatabase,
    version,
    series,
  })
  return { api, close: () => rates.close() }
}

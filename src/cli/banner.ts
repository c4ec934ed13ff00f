// The text that a server prints when it is ready: its addresses, and how to use it.

import { join } from 'node:path'
import { commandName } from '../core/command-line.ts'
import { urlHost, type Address } from './address.ts'
import { packageVersion } from './version.ts'

/** As whom, and to which database, a client connects. */
export interface Login {
  readonly user: string
  readonly database: string
}

export function sqlUrl({ host }: Address, { port, user, database }: Login & { readonly port: number }): string {
  return `postgresql://${encodeURIComponent(user)}@${urlHost(host)}:${port}/${encodeURIComponent(database)}?sslmode=disable`
}

export interface BannerFacts {
  readonly url: string
  readonly http: Address
  readonly httpPort: number
  readonly storeDir: string
}

export function banner({ url, http, httpPort, storeDir }: BannerFacts): string {
  return [
    `pg-changefeed node started at ${new Date().toISOString()}`,
    `build:   ${packageVersion()} (Node.js ${process.versions.node})`,
    `sql:     ${url}`,
    `http:    http://${urlHost(http.host)}:${httpPort}`,
    `client:  ${commandName()} sql --insecure --url '${url}'`,
    `store:   ${storeDir}`,
    `logs:    ${join(storeDir, 'logs')}`,
    `pid:     ${process.pid}`,
    '',
  ].join('\n')
}

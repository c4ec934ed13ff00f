// The text that a server prints when it is ready: its addresses, and how to use it.

import { join } from 'node:path'
import { commandName } from '../core/command-line.ts'
import { urlHost, type Address } from './address.ts'
import { packageVersion } from '../core/package-version.ts'

/** As whom, and to which database, a client connects. */
export interface Login {
  readonly user: string
  readonly database: string
}

export interface SqlUrl extends Login {
  readonly port: number
  readonly hasTls?: boolean
}

export function sqlUrl({ host }: Address, { port, user, database, hasTls = false }: SqlUrl): string {
  const mode = hasTls ? 'require' : 'disable'
  return `postgresql://${encodeURIComponent(user)}@${urlHost(host)}:${port}/${encodeURIComponent(database)}?sslmode=${mode}`
}

export interface BannerFacts {
  readonly url: string
  readonly hasTls: boolean
  readonly http: Address
  readonly httpPort: number
  readonly storeDir: string
}

export function banner({ url, hasTls, http, httpPort, storeDir }: BannerFacts): string {
  return [
    `pg-changefeed node started at ${new Date().toISOString()}`,
    `build:   ${packageVersion()} (Node.js ${process.versions.node})`,
    `sql:     ${url}`,
    `http:    ${hasTls ? 'https' : 'http'}://${urlHost(http.host)}:${httpPort}`,
    `client:  ${commandName()} sql --url '${url}'`,
    `store:   ${storeDir}`,
    `logs:    ${join(storeDir, 'logs')}`,
    `pid:     ${process.pid}`,
    '',
  ].join('\n')
}

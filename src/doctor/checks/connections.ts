import { numberOf } from '../amounts.ts'
import { ok, warning, type ServerCheck } from '../finding.ts'

/** What a server of ours uses for one database: ingest, its jobs, the readers of a scan, a few sessions. */
const wanted = 12

export const connections: ServerCheck = {
  id: 'connections',
  about: `There is room for the ${wanted} connections that a server of ours may use for one database.`,
  judge({ server, provider }) {
    const most = numberOf(server, 'max_connections') ?? 0
    const reserved =
      (numberOf(server, 'superuser_reserved_connections') ?? 0) + (numberOf(server, 'reserved_connections') ?? 0)
    const free = Math.max(0, most - reserved - server.connections)
    const what = `${server.connections} of max_connections = ${most} are in use, ${reserved} are reserved`
    if (free >= wanted) return ok(what)
    return warning(
      `only ${free} connections are free: ${what}`,
      `${provider.setting('max_connections', String(most + wanted), 'restart')}`,
    )
  },
}

// Where connections of our own got in last, for those that cannot find it out themselves. Each thread has memory of its own.

import type { Route } from './dial.ts'
import type { PostgresServer } from './source-connection.ts'

/** A server that was a primary longer ago than this may be none any more. */
const validMs = 5000

interface Known {
  readonly route: Route
  readonly atMs: number
}

const known = new Map<string, Known>()

export function rememberRoute(server: PostgresServer, route: Route): void {
  known.set(keyOf(server), { route, atMs: Date.now() })
}

export function lastRoute(server: PostgresServer): Route | undefined {
  const last = known.get(keyOf(server))
  return last !== undefined && Date.now() - last.atMs < validMs ? last.route : undefined
}

const finding = new Map<string, Promise<Route>>()

/** Runs `find` for several callers at a time once. */
export async function findRoute(server: PostgresServer, find: () => Promise<Route>): Promise<Route> {
  const key = keyOf(server)
  const found = finding.get(key) ?? find().finally(() => finding.delete(key))
  finding.set(key, found)
  return await found
}

/** The servers of a connection string, whoever connects. */
export function keyOf({ host, port, socketDir, address, otherHosts, targetSessionAttrs, tls }: PostgresServer): string {
  return JSON.stringify([host, port, socketDir, address, otherHosts, targetSessionAttrs, tls])
}

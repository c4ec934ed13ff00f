// Asks the other servers of a list whether one of them was promoted. A former primary that comes back, or that nobody has stopped,
// says itself that it is the primary.

import { orLate } from '../async/or-late.ts'
import { askClusterTimeline, noteTimeline, wantsPrimary } from './known-timelines.ts'
import { keyOf } from './last-route.ts'
import type { Route } from './dial.ts'
import type { Queries } from './queries.ts'
import type { ServerHost, SourceConnection } from './source-connection.ts'

/** A machine that is gone does not answer. */
const withinMs = 2000
/** What connects often does not ask each time. */
const validMs = 30_000

const asked = new Map<string, { readonly atMs: number; readonly done: Promise<unknown> }>()

/** One of several servers, with which a connection is made. */
interface At {
  readonly route: Pick<Route, 'host' | 'port' | 'socketDir'>
}

export type OpenOne = (source: SourceConnection) => Promise<Queries & AsyncDisposable>

/** Notes the timelines of the other servers, unless that was done a moment ago. Settles when they are known. */
export async function askOthers(source: SourceConnection, { route }: At, open: OpenOne): Promise<void> {
  if (!wantsPrimary(source)) return
  const key = keyOf(source)
  const last = asked.get(key)
  const done =
    last !== undefined && performance.now() - last.atMs < validMs ? last.done : noteOthers(source, route, open)
  if (done !== last?.done) asked.set(key, { atMs: performance.now(), done })
  await done
}

async function noteOthers(source: SourceConnection, route: At['route'], open: OpenOne): Promise<void> {
  const { host, port, socketDir, address, otherHosts = [] } = source
  const hosts: readonly ServerHost[] = [{ host, port, socketDir, address }, ...otherHosts]
  const others = hosts.filter(
    (one) => one.host !== route.host || one.port !== route.port || one.socketDir !== route.socketDir,
  )
  // One that lets us in may say nothing after that.
  await orLate(Promise.all(others.map((one) => note(source, one, open))), 2 * withinMs)
}

async function note(source: SourceConnection, host: ServerHost, open: OpenOne): Promise<void> {
  const { connectWithinMs = withinMs } = source
  const alone = {
    ...source,
    socketDir: undefined,
    address: undefined,
    ...host,
    otherHosts: undefined,
    connectWithinMs: Math.min(connectWithinMs, withinMs),
  }
  try {
    await using connection = await open(alone)
    noteTimeline(source, await askClusterTimeline(connection))
  } catch {
    // It is down, or a standby.
  }
}

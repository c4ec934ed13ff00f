// Adds to the specification of a sink what only this server knows: its folder for files, and the machines that sinks may reach. A setting
// says which machines sinks and schema registries may reach. They are checked before they connect: when a changefeed is
// created and whenever the feed of a job starts. The sink itself checks hosts that it learns of later, such as brokers.

import { isHostAllowed, readAllowedHosts } from '../../core/allowed-hosts.ts'
import type { RegistrySpec, SinkSpec } from '../../core/feed-spec.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { SettingsStore } from '../../settings/store.ts'
import { metadataGuard, type Reach } from '../../net/guarded-lookup.ts'
import { factsOfSink } from '../../sink/sinks.ts'
import type { SinkAddress } from '../../sink/sink-facts.ts'

type Settings = Pick<SettingsStore, 'get'>

export interface SinkSurroundings {
  readonly settings: Settings
  /** The folder of nodelocal:// files; undefined: this server has none. */
  readonly externDir: string | undefined
  /** Sinks may not use the credentials of this server. */
  readonly refusesImplicit: boolean
  /** Files may only go to folders and to the clouds, not to servers that a URI names. */
  readonly refusesHttp: boolean
}

/** Returns the sink with the hosts that it may reach. Throws if its own addresses are not allowed. */
export function allowedSink(sink: SinkSpec, around: SinkSurroundings): SinkSpec {
  const { settings, refusesImplicit, refusesHttp } = around
  const { tag, addresses, label, isImplicit, ownServer } = factsOfSink(sink)
  if (addresses === undefined) return sink
  const here = tag === 'cloud' ? forFiles(around) : {}
  const server = ownServer?.(sink)
  if (refusesHttp && server !== undefined) throw httpRefused(server)
  if (refusesImplicit && isImplicit?.({ ...sink, ...here }) === true) throw implicitRefused(label)
  const allowedHosts = check('sinks may not reach', addresses(sink), settings)
  return { ...sink, ...here, allowedHosts, ...reachOf(settings) }
}

/** What the specifications of storage sinks have of this server. */
function forFiles({ settings, externDir }: SinkSurroundings): object {
  const defaultKey = settings.get('cloudstorage.gs.default.key')
  const customCa = settings.get('cloudstorage.http.custom_ca')
  return {
    timeoutMs: settings.get('cloudstorage.timeout'),
    ...(externDir === undefined ? {} : { externDir }),
    ...(defaultKey === '' ? {} : { defaultKey }),
    ...(customCa === '' ? {} : { customCa }),
  }
}

/** Returns the registry with what it may reach. Throws if its own addresses are not allowed. */
export function allowedRegistry(registry: RegistrySpec | undefined, settings: Settings): RegistrySpec | undefined {
  if (registry === undefined) return undefined
  const addresses = registry.urls.map((url) => {
    const { protocol, hostname, port } = new URL(url)
    const defaultPort = protocol === 'https:' ? 443 : 80
    return { host: hostname, port: port === '' ? defaultPort : Number(port) }
  })
  check('no schema registry may be at', addresses, settings)
  return { ...registry, ...reachOf(settings) }
}

function check(what: string, addresses: readonly SinkAddress[], settings: Settings): readonly string[] {
  const allowedHosts = readAllowedHosts(settings.get('changefeed.sink.allowed_hosts'))
  const guard = metadataGuard(reachOf(settings))
  for (const { host, port } of addresses) {
    // A name is checked again when its address is known.
    const refused = guard(host)
    if (refused !== undefined) throw refused
    if (isHostAllowed(allowedHosts, host, port)) continue
    throw new FeedError('FEED_PRIVILEGE', `${what} ${host}:${port}`, {
      hint: `the cluster setting changefeed.sink.allowed_hosts lists the machines that may be reached; an admin may add it there`,
    })
  }
  return allowedHosts
}

function implicitRefused(label: string): FeedError {
  const message = `implicit credentials disallowed for ${label} due to --external-io-disable-implicit-credentials flag`
  return new FeedError('FEED_PRIVILEGE', message, { hint: 'give the credentials in the URI' })
}

function httpRefused(what: string): FeedError {
  return new FeedError('FEED_PRIVILEGE', `${what} disallowed due to --external-io-disable-http flag`, {
    hint: 'this server was started so that files go only to its folder and to the clouds themselves',
  })
}

function reachOf(settings: Settings): Reach & Pick<SinkSpec, 'mayReachMetadata'> {
  return settings.get('changefeed.sink.metadata_services.enabled') ? { mayReachMetadata: true } : {}
}

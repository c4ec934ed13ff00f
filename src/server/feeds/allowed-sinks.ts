// Applies the setting that says which machines sinks may reach. A sink is checked before it connects: when a job is created
// and whenever the feed of the job starts. The sink itself checks hosts that it learns of later, such as brokers.

import { isHostAllowed, readAllowedHosts } from '../../core/allowed-hosts.ts'
import type { SinkSpec } from '../../core/feed-spec.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { SettingsStore } from '../../settings/store.ts'
import { factsOfSink } from '../../sink/sinks.ts'

/** Returns the sink with the hosts that it may reach. Throws if its own addresses are not allowed. */
export function allowedSink(sink: SinkSpec, settings: SettingsStore): SinkSpec {
  const { addresses } = factsOfSink(sink)
  if (addresses === undefined) return sink
  const allowedHosts = readAllowedHosts(settings.get('changefeed.sink.allowed_hosts'))
  for (const { host, port } of addresses(sink)) {
    if (isHostAllowed(allowedHosts, host, port)) continue
    throw new FeedError('FEED_PRIVILEGE', `sinks may not reach ${host}:${port}`, {
      hint: `the cluster setting changefeed.sink.allowed_hosts lists what they may reach; an admin may add it there`,
    })
  }
  return { ...sink, allowedHosts }
}

// The setting that says which machines sinks may reach. It is applied to a sink before anything connects: when a job is
// created and at each start of its feed. Hosts that a sink learns of later are checked by the sink.

import { isHostAllowed, readAllowedHosts } from '../../core/allowed-hosts.ts'
import type { SinkSpec } from '../../core/feed-spec.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { SettingsStore } from '../../settings/store.ts'
import { factsOfSink } from '../../sink/sinks.ts'

/** The sink as it is to be opened. */
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

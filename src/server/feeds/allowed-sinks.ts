// The setting that says which machines sinks may reach, put to a sink before anything connects: when a job is created and
// at each start of its feed. The brokers that Kafka names later are checked when they are connected to.

import { isHostAllowed, readAllowedHosts } from '../../core/allowed-hosts.ts'
import { brokerAddress, type BrokerAddress } from '../../sink/kafka/broker-address.ts'
import type { SinkSpec } from '../../core/feed-spec.ts'
import type { KafkaSinkSpec } from '../../core/kafka-sink-spec.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { SettingsStore } from '../../settings/store.ts'

/** The sink as it is to be opened. */
export function allowedSink(sink: SinkSpec, settings: SettingsStore): SinkSpec {
  if (sink.tag !== 'kafka') return sink
  const allowedHosts = readAllowedHosts(settings.get('changefeed.sink.allowed_hosts'))
  for (const { host, port } of addressesOf(sink)) {
    if (isHostAllowed(allowedHosts, host, port)) continue
    throw new FeedError('FEED_PRIVILEGE', `sinks may not reach ${host}:${port}`, {
      hint: `the cluster setting changefeed.sink.allowed_hosts lists what they may reach; an admin may add it there`,
    })
  }
  return { ...sink, allowedHosts }
}

/** The brokers, and who gives tokens for them. */
function addressesOf({ brokers, sasl }: KafkaSinkSpec): readonly BrokerAddress[] {
  const addresses = brokers.map(brokerAddress)
  if (sasl?.mechanism !== 'OAUTHBEARER') return addresses
  const { protocol, hostname, port } = new URL(sasl.tokenUrl)
  const defaultPort = protocol === 'https:' ? 443 : 80
  return [...addresses, { host: hostname, port: port === '' ? defaultPort : Number(port) }]
}

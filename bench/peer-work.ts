// The peer's run of what ours did: until its topic holds so many messages.

import { until } from '../test/support/until.ts'
import { TopicCounter } from './bench-kafka.ts'
import { giveUpAfterMs, type BenchSource } from './bench-source.ts'
import { Debezium, type DebeziumOptions, type PeerCost } from './debezium.ts'

export async function runPeer(
  bench: BenchSource,
  messages: number,
  options: Omit<DebeziumOptions, 'source'>,
): Promise<PeerCost & { readonly postgresCpu: number }> {
  await using peer = await Debezium.start({ ...options, source: bench.source })
  const postgresBefore = bench.cpu().total
  await using counter = new TopicCounter(options.broker)
  // The topic is made by the first message.
  const count = (): Promise<number> => counter.count(peer.topic).catch(() => 0)
  await until(`Debezium has sent ${messages} messages`, giveUpAfterMs, async () => {
    void peer.output
    return (await count()) >= messages ? true : undefined
  })
  return { ...peer.cost(), postgresCpu: bench.cpu().total - postgresBefore }
}

import { pubsubKit } from '../../../test/services/pubsub/pubsub-destination.ts'
import { sinkSuite } from '../../../test/suites/sink-suite.ts'

sinkSuite('Pub/Sub', pubsubKit())
sinkSuite(
  'Pub/Sub, with batches that wait, and without ordering keys',
  pubsubKit({ isOrdered: false, region: undefined, flush: { messages: 100, bytes: 0, frequencyMs: 50 } }),
)

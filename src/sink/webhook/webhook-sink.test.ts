import { webhookKit } from '../../../test/services/webhook/hook-destination.ts'
import { sinkSuite } from '../../../test/suites/sink-suite.ts'

sinkSuite('webhook', webhookKit())
sinkSuite(
  'webhook, with large batches and compression',
  webhookKit({ compression: 'gzip', flush: { messages: 100, bytes: 0, frequencyMs: 50 } }),
)

// An endpoint of webhooks under the nemesis: it fails, loses answers, asks for pauses, refuses large requests, stands still, and cuts
// connections wherever a request is.

import { feedMessages } from '../feed/webhook-feed.ts'
import type { HookServer, Trouble } from '../services/webhook/hook-server.ts'
import type { NemesisFarEnd } from './far-end.ts'
import { troublesOf, type FarEndTroubles } from './far-end-troubles.ts'
import { Notes } from './notes.ts'

const troubles: readonly (readonly [number, Trouble])[] = [
  [3, 'take'],
  [2, 'lose'],
  [2, 'reset'],
  [1, 'cut-answer'],
  [1, 'hang'],
  [2, { status: 500, body: 'no' }],
  [1, { status: 429, headers: { 'retry-after': '0' } }],
]

export function webhookFarEnd(hooks: HookServer): NemesisFarEnd {
  const path = (prefix: string): string => `/${prefix}`
  const far: FarEndTroubles = {
    fail(random) {
      hooks.cutsRequest = () => random.chance(0.1)
      hooks.trouble = ({ body }) => (body.length > 4000 ? { status: 413 } : random.pick([...troubles]))
    },
    calm() {
      hooks.cutsRequest = () => false
      hooks.trouble = () => 'take'
    },
    break: () => hooks.break(),
    mend: () => hooks.mend(),
    cut: () => hooks.cut(),
  }
  return {
    name: 'webhook',
    hasKeyInValue: true,
    async read({ prefix }) {
      const notes = new Notes({ done: async () => hooks.check() })
      hooks.at(path(prefix), (request) => {
        for (const message of feedMessages(request, new Set(['key']))) notes.take(message)
      })
      return notes
    },
    uri: ({ prefix }) => hooks.uri(path(prefix)),
    options: (random) =>
      random.pick<string>([
        [2, `, webhook_client_timeout = '500ms'`],
        [1, `, webhook_sink_config = '{"Retry": {"Max": "inf", "Backoff": "20ms"}}'`],
        [
          1,
          `, webhook_sink_config = '{"Flush": {"Messages": 7, "Frequency": "50ms"}, "Retry": {"Max": 1, "Backoff": "50ms"}}'`,
        ],
        [1, `, webhook_sink_config = '{"Flush": {"MaxBytes": 3000}}', compression = 'gzip'`],
      ]),
    events: (random) => troublesOf('the endpoint', far, random),
    freeze: far.break,
    thaw: far.mend,
  }
}

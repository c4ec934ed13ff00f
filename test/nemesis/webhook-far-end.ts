// An endpoint of webhooks under the nemesis: it fails, loses answers, asks for pauses, refuses large requests, stands still, and cuts
// connections wherever a request is.

import { setTimeout as delay } from 'node:timers/promises'
import { compareHlc, zeroHlc, type Hlc } from '../../src/core/hlc.ts'
import { feedMessages } from '../feed/webhook-feed.ts'
import { hlcOf } from '../feed/test-feed.ts'
import type { HookRequest, HookServer, Trouble } from '../services/webhook/hook-server.ts'
import type { RowNote, Validator } from '../validators/validator.ts'
import type { FarEndReader, NemesisFarEnd } from './far-end.ts'

interface ResolvedNote {
  readonly resolved: Hlc
  readonly cameAt: bigint
}

export function webhookFarEnd(hooks: HookServer): NemesisFarEnd {
  const path = (prefix: string): string => `/${prefix}`
  return {
    name: 'webhook',
    hasKeyInValue: true,
    async read({ prefix }) {
      const reader = new WebhookReader(hooks)
      hooks.at(path(prefix), (request) => reader.take(request))
      return reader
    },
    uri: ({ prefix }) => hooks.uri(path(prefix)),
    options: (random) =>
      random.pick<() => string>([
        [2, () => `, webhook_client_timeout = '500ms'`],
        [1, () => `, webhook_sink_config = '{"Retry": {"Max": "inf", "Backoff": "20ms"}}'`],
        [
          1,
          () =>
            `, webhook_sink_config = '{"Flush": {"Messages": 7, "Frequency": "50ms"}, "Retry": {"Max": 1, "Backoff": "50ms"}}'`,
        ],
        [1, () => `, webhook_sink_config = '{"Flush": {"MaxBytes": 3000}}', compression = 'gzip'`],
      ])(),
    events: (random) => [
      [
        4,
        [
          'trouble at the endpoint',
          async () => {
            const troubles: readonly (readonly [number, Trouble])[] = [
              [3, 'take'],
              [2, 'lose'],
              [2, 'reset'],
              [1, 'cut-answer'],
              [1, 'hang'],
              [2, { status: 500, body: 'no' }],
              [1, { status: 429, headers: { 'retry-after': '0' } }],
            ]
            hooks.cutsRequest = () => random.chance(0.1)
            hooks.trouble = ({ body }) => (body.length > 4000 ? { status: 413 } : random.pick<Trouble>([...troubles]))
            await delay(random.int(3000))
            hooks.cutsRequest = () => false
            hooks.trouble = () => 'take'
          },
        ],
      ],
      [
        2,
        [
          'freeze the endpoint',
          async () => {
            hooks.break()
            await delay(random.int(3000))
            hooks.mend()
          },
        ],
      ],
      [
        3,
        [
          'cut connections to the endpoint',
          async () => {
            for (let i = 0; i < 10; i++) {
              await delay(random.int(60))
              hooks.cut()
            }
          },
        ],
      ],
    ],
    freeze: () => hooks.break(),
    thaw: () => hooks.mend(),
  }
}

class WebhookReader implements FarEndReader {
  readonly partitions = ['']
  readonly #hooks: HookServer
  readonly #notes: (RowNote | ResolvedNote)[] = []
  resolved: Hlc = zeroHlc

  constructor(hooks: HookServer) {
    this.#hooks = hooks
  }

  take(request: HookRequest): void {
    for (const { topic, key, value } of feedMessages(request, new Set(['key']))) {
      if (topic !== undefined) {
        this.#notes.push({ partition: '', topic, key, value, updated: hlcOf(value, 'updated') })
        continue
      }
      const resolved = hlcOf(value, 'resolved')
      this.#notes.push({ resolved, cameAt: BigInt(Date.now()) * 1_000_000n })
      if (compareHlc(resolved, this.resolved) > 0) this.resolved = resolved
    }
  }

  rows(): RowNote[] {
    return this.#notes.filter((note) => 'key' in note)
  }

  replay(validator: Validator): void {
    for (const note of this.#notes) {
      if ('key' in note) validator.noteRow(note)
      else validator.noteResolved('', note.resolved, note.cameAt)
    }
  }

  done(): Promise<void> {
    this.#hooks.check()
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve()
  }
}

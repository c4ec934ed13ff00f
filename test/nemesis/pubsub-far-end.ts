// Pub/Sub under the nemesis: it fails, loses answers, uses up quotas, refuses large requests, stands still, cuts connections wherever a
// request is, and somebody deletes topics.

import { status } from '@grpc/grpc-js'
import { readPubsub } from '../feed/pubsub-feed.ts'
import type { PubsubFront, Trouble } from '../services/pubsub/pubsub-front.ts'
import type { CutGate } from '../support/cut-gate.ts'
import type { FarEndRun, NemesisFarEnd } from './far-end.ts'
import { troublesOf, type FarEndTroubles } from './far-end-troubles.ts'
import { Notes } from './notes.ts'

const withinMs = 30_000
const failed = (code: status): Trouble => ({ code, details: 'trouble' })
const troubles: readonly (readonly [number, Trouble])[] = [
  [3, 'take'],
  [2, 'lose'],
  [2, failed(status.UNAVAILABLE)],
  [1, failed(status.INTERNAL)],
  [1, failed(status.UNAUTHENTICATED)],
  [1, failed(status.RESOURCE_EXHAUSTED)],
  [1, failed(status.DEADLINE_EXCEEDED)],
]

/** `gate` stands before the front, and is the emulator of the server under test. */
export function pubsubFarEnd(front: PubsubFront, gate: CutGate): NemesisFarEnd {
  const projectOf = (prefix: string): string => prefix.replaceAll('_', '-')
  const far: FarEndTroubles = {
    fail(random) {
      front.trouble = ({ method, bytes, messages }) => {
        if (method !== 'Publish') return 'take'
        return bytes > 4000 && messages > 1
          ? { code: status.INVALID_ARGUMENT, details: 'The request size exceeds the limit: 4000 bytes' }
          : random.pick([...troubles])
      }
    },
    calm() {
      front.trouble = () => 'take'
    },
    break: () => front.break(),
    mend: () => front.mend(),
    cut: () => gate.cutAll(),
  }
  let run: FarEndRun | undefined
  return {
    name: 'pubsub',
    hasKeyInValue: false,
    async read(of) {
      run = of
      const source = readPubsub(front, projectOf(of.prefix))((message) => notes.take(message))
      const notes = new Notes({ done: () => source.drained(withinMs), end: async () => source[Symbol.asyncDispose]() })
      return notes
    },
    uri: ({ prefix }) => `gcpubsub://${projectOf(prefix)}?region=us-east1&AUTH=implicit`,
    options: (random) =>
      random.pick<string>([
        [2, ''],
        [1, `, pubsub_sink_config = '{"Retry": {"Max": "inf", "Backoff": "20ms"}}'`],
        [1, `, pubsub_sink_config = '{"Flush": {"Messages": 7, "Frequency": "50ms"}, "Retry": {"Max": 1}}'`],
        [1, `, pubsub_sink_config = '{"Flush": {"MaxBytes": 3000}}'`],
      ]),
    events: (random) => [
      ...troublesOf('Pub/Sub', far, random),
      [
        3,
        [
          'delete topics',
          async () => {
            for (const topic of run?.topics ?? [])
              if (random.chance(0.5))
                await front.deleteTopic(`projects/${projectOf(run?.prefix ?? '')}/topics/${topic}`)
          },
        ],
      ],
    ],
    freeze: far.break,
    thaw: far.mend,
  }
}

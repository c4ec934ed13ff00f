// Pub/Sub under the nemesis: it fails, loses answers, uses up quotas, refuses large requests, stands still, and cuts connections wherever a
// request is.

import { status } from '@grpc/grpc-js'
import { setTimeout as delay } from 'node:timers/promises'
import { compareHlc, zeroHlc, type Hlc } from '../../src/core/hlc.ts'
import { feedMessages } from '../feed/pubsub-feed.ts'
import { hlcOf } from '../feed/test-feed.ts'
import type { PubsubFront, Trouble } from '../services/pubsub/pubsub-front.ts'
import type { CutGate } from '../support/cut-gate.ts'
import type { RowNote, Validator } from '../validators/validator.ts'
import type { FarEndReader, NemesisFarEnd } from './far-end.ts'

interface ResolvedNote {
  readonly resolved: Hlc
  readonly cameAt: bigint
}

/** `gate` stands before the front, and is the emulator of the server under test. */
export function pubsubFarEnd(front: PubsubFront, gate: CutGate): NemesisFarEnd {
  const project = (prefix: string): string => prefix.replaceAll('_', '-')
  const failed = (code: status): Trouble => ({ code, details: 'trouble' })
  return {
    name: 'pubsub',
    hasKeyInValue: false,
    async read({ prefix }) {
      const reader = new PubsubReader(front, project(prefix))
      await reader.read()
      return reader
    },
    uri: ({ prefix }) => `gcpubsub://${project(prefix)}?region=us-east1&AUTH=implicit`,
    options: (random) =>
      random.pick<string>([
        [2, ''],
        [1, `, pubsub_sink_config = '{"Retry": {"Max": "inf", "Backoff": "20ms"}}'`],
        [1, `, pubsub_sink_config = '{"Flush": {"Messages": 7, "Frequency": "50ms"}, "Retry": {"Max": 1}}'`],
        [1, `, pubsub_sink_config = '{"Flush": {"MaxBytes": 3000}}'`],
      ]),
    events: (random) => [
      [
        4,
        [
          'trouble at Pub/Sub',
          async () => {
            const troubles: readonly (readonly [number, Trouble])[] = [
              [3, 'take'],
              [2, 'lose'],
              [2, failed(status.UNAVAILABLE)],
              [1, failed(status.INTERNAL)],
              [1, failed(status.UNAUTHENTICATED)],
              [1, failed(status.RESOURCE_EXHAUSTED)],
            ]
            front.trouble = ({ method, bytes, messages }) => {
              if (method !== 'Publish') return 'take'
              return bytes > 4000 && messages > 1
                ? { code: status.INVALID_ARGUMENT, details: 'The request size exceeds the limit: 4000 bytes' }
                : random.pick<Trouble>([...troubles])
            }
            await delay(random.int(3000))
            front.trouble = () => 'take'
          },
        ],
      ],
      [
        2,
        [
          'freeze Pub/Sub',
          async () => {
            front.break()
            await delay(random.int(3000))
            front.mend()
          },
        ],
      ],
      [
        3,
        [
          'cut connections to Pub/Sub',
          async () => {
            for (let i = 0; i < 10; i++) {
              await delay(random.int(60))
              gate.cutAll()
            }
          },
        ],
      ],
    ],
    freeze: () => front.break(),
    thaw: () => front.mend(),
  }
}

class PubsubReader implements FarEndReader {
  readonly partitions = ['']
  readonly #front: PubsubFront
  readonly #project: string
  readonly #notes: (RowNote | ResolvedNote)[] = []
  readonly #following: Promise<void>
  #reading = Promise.resolve()
  #next = 0
  #isOver = false
  resolved: Hlc = zeroHlc

  constructor(front: PubsubFront, project: string) {
    this.#front = front
    this.#project = project
    this.#following = this.#follow()
  }

  read(): Promise<void> {
    return (this.#reading = this.#reading.then(() => this.#take()))
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

  async done(): Promise<void> {
    await this.read()
    this.#front.check()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    await this.#following
  }

  async #follow(): Promise<void> {
    while (!this.#isOver) {
      await this.read()
      await delay(20)
    }
  }

  async #take(): Promise<void> {
    const published = await this.#front.published(this.#project, this.#next)
    for (const message of published) {
      this.#next = message.n + 1
      for (const { topic, key, value } of feedMessages(message)) {
        if (topic !== undefined) {
          this.#notes.push({ partition: '', topic, key, value, updated: hlcOf(value, 'updated') })
          continue
        }
        const resolved = hlcOf(value, 'resolved')
        this.#notes.push({ resolved, cameAt: BigInt(Date.now()) * 1_000_000n })
        if (compareHlc(resolved, this.resolved) > 0) this.resolved = resolved
      }
    }
  }
}

// The kit with which test/suites/sink-suite.ts tests the webhook sink. The messages of the suite are any bytes, so they are put
// into JSON here, as an encoder would do it.

import { readFileSync } from 'node:fs'
import { MessageBatch } from '../../../src/core/message-batch.ts'
import { open } from '../../../src/sink/webhook/open.ts'
import type { FeedMeter } from '../../../src/core/feed-meter.ts'
import type { WebhookSinkSpec } from '../../../src/sink/webhook/spec.ts'
import type { Sink } from '../../../src/sink/sink.ts'
import type { Delivered, Destination, SinkKit } from '../../suites/sink-kit.ts'
import { certificateOf } from '../../support/servers/certificates.ts'
import { HookServer, messagesOf } from './hook-server.ts'

export function specOf(server: HookServer, changed: Partial<WebhookSinkSpec> = {}): WebhookSinkSpec {
  const isPlain = server.uri().startsWith('webhook-http:')
  return {
    tag: 'webhook',
    url: `${isPlain ? 'http' : 'https'}://${server.address}/`,
    tls: { ca: readFileSync(certificateOf('webhook').ca, 'latin1'), cert: undefined, key: undefined, verify: true },
    headers: [],
    format: 'json',
    compression: 'none',
    timeoutMs: 60_000,
    flush: { messages: 0, bytes: 0, frequencyMs: 0 },
    retry: { max: 10, backoffMs: 10 },
    ...changed,
  }
}

export interface OpenedOptions {
  readonly topics?: readonly string[]
  readonly signal?: AbortSignal
  readonly header?: (schema: number) => Uint8Array | undefined
  readonly warn?: (text: string) => void
  readonly meter?: FeedMeter | undefined
}

export function openHook(spec: WebhookSinkSpec, options: OpenedOptions = {}): Promise<Sink> {
  const {
    topics = ['t'],
    signal = new AbortController().signal,
    warn = () => undefined,
    header = () => undefined,
    meter,
  } = options
  return open(spec, { topics, signal, header, meter, log: (_level, text) => warn(text) })
}

export function webhookKit(changed: Partial<WebhookSinkSpec> = {}): SinkKit {
  const servers: HookServer[] = []
  return {
    async destination({ topics, isImpatient = false }): Promise<Destination> {
      const server = await HookServer.start()
      servers.push(server)
      const spec = specOf(server, {
        ...changed,
        ...(isImpatient ? { timeoutMs: 200, retry: { max: 1, backoffMs: 1 } } : {}),
      })
      const names = Array.from({ length: topics }, (_, i) => `t${i}`)
      return {
        async open(signal, meter) {
          return inJson(await openHook(spec, { topics: names, signal, meter }))
        },
        delivered: () => Promise.resolve(deliveredTo(server)),
        break: () => Promise.resolve(server.break()),
        mend: () => Promise.resolve(server.mend()),
        requests: () => server.requests.length,
      }
    },
    async end() {
      for (const server of servers) {
        await server[Symbol.asyncDispose]()
        server.check()
      }
    },
    resolvedMessages: () => 1,
    keepsNilValues: true,
    sendsAtOnce: changed.flush === undefined,
    trouble: 'reported',
  }
}

interface JsonMessage {
  readonly topic: number
  readonly key: string
  readonly value: string | null
}

function deliveredTo(server: HookServer): readonly Delivered[] {
  server.check()
  return server.taken.flatMap((request): Delivered[] => {
    const messages = messagesOf(request)
    if (messages === undefined)
      return [{ topic: undefined, partition: 0, key: undefined, value: Buffer.from(request.body) }]
    return messages.map((text) => {
      const { topic, key, value } = JSON.parse(text) as JsonMessage
      return { topic, partition: 0, key, value: value === null ? null : Buffer.from(value) }
    })
  })
}

/** Gives the sink messages whose values are JSON texts with topic, key and value. */
function inJson(sink: Sink): Sink {
  const batch = new MessageBatch()
  return {
    async emit(messages) {
      batch.clear()
      for (let i = 0; i < messages.count; i++) {
        const [keyStart, valueStart] = [messages.keyStarts[i], messages.valueStarts[i]]
        const topic = messages.topics[i] ?? 0
        const key = messages.bytes.buffer.toString('utf8', keyStart, valueStart)
        const value =
          messages.nilValues[i] === 1 ? null : messages.bytes.buffer.toString('utf8', valueStart, messages.valueEnds[i])
        batch.begin(topic)
        batch.bytes.utf8(key)
        batch.endKey()
        batch.bytes.utf8(JSON.stringify({ topic, key, value } satisfies JsonMessage))
        batch.end(true)
      }
      await sink.emit(batch)
    },
    emitResolved: (resolved) => sink.emitResolved(resolved),
    flush: (frontier) => sink.flush(frontier),
    ...(sink.failed === undefined ? {} : { failed: sink.failed }),
    stalled: (nowMs) => sink.stalled?.(nowMs),
    [Symbol.asyncDispose]: async () => sink[Symbol.asyncDispose](),
  }
}

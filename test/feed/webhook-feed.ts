// The feed of a job into a webhook, as its endpoint sees it. The messages are shown as those of other feeds: without `key` and
// `topic`, unless the statement asks for them.

import type { TestServer } from '../server/test-server.ts'
import { messagesOf, type HookRequest, type HookServer } from '../services/webhook/hook-server.ts'
import { rawMembers } from '../support/raw-json.ts'
import { JobFeed, type OpenReader } from './job-feed.ts'
import type { FeedMessage } from './test-feed.ts'

export interface WebhookFeedOptions {
  readonly server: TestServer
  readonly hooks: HookServer
  /** Of the endpoint; no other feed has it. */
  readonly path: string
  readonly statement: string
  readonly values?: readonly string[]
}

export function openWebhookFeed({ hooks, path, ...options }: WebhookFeedOptions): Promise<JobFeed> {
  return JobFeed.open({ ...options, read: readerOf(hooks, path, options.statement) })
}

function readerOf(hooks: HookServer, path: string, statement: string): OpenReader {
  const asked = new Set(['key', 'topic'].filter((name) => statement.includes(`${name}_in_value`)))
  return (take) => {
    hooks.at(path, (request) => {
      for (const message of feedMessages(request, asked)) take(message)
    })
    return {
      // A request is read before it is answered.
      drained: () => Promise.resolve(),
      [Symbol.asyncDispose]() {
        hooks.check()
        return Promise.resolve()
      },
    }
  }
}

/** `asked`: the members that stay in the values. */
export function feedMessages(request: HookRequest, asked: ReadonlySet<string> = new Set()): readonly FeedMessage[] {
  const partition = ''
  if (request.headers['content-type'] === 'text/csv') {
    return request.body.split('\n').map((value) => ({ topic: request.path, partition, key: '', value }))
  }
  const messages = messagesOf(request)
  if (messages === undefined) return [{ topic: undefined, partition, key: '', value: request.body }]
  return messages.map((message) => {
    const members = rawMembers(message)
    const textOf = (wanted: string): string => members.find(({ name }) => name === wanted)?.text ?? '""'
    const kept = members.filter(({ name }) => !['key', 'topic'].includes(name) || asked.has(name))
    return {
      topic: JSON.parse(textOf('topic')) as string,
      partition,
      key: textOf('key'),
      value: `{${kept.map(({ name, text }) => `${JSON.stringify(name)}: ${text}`).join(', ')}}`,
    }
  })
}

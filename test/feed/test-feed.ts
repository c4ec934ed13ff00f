// A changefeed as a test sees it, whatever its sink: the messages in the order in which a reader got them, what ended it,
// and, for a changefeed with INTO, its job. Behind it are SinklessFeed, JobFeed and KafkaFeed.

import type { Hlc } from '../../src/core/hlc.ts'
import { parseHlc } from '../support/parse-hlc.ts'

export interface FeedMessage {
  /** Undefined: a resolved message. */
  readonly topic: string | undefined
  /** Where order holds: a partition of a topic, a file; '' where there is only one. */
  readonly partition: string
  /** Of a row message. */
  readonly key: string
  readonly value: string
}

export interface FeedFailure {
  readonly message: string
  readonly hint?: string | undefined
}

export interface TestFeed extends AsyncDisposable {
  readonly messages: readonly FeedMessage[]
  readonly rows: readonly FeedMessage[]
  /** The rows as the conformance cases write them: `foo: [1]->{"after": …}`. */
  readonly texts: readonly string[]
  readonly resolved: readonly Hlc[]
  /** Notices of the statement. */
  readonly notices: readonly string[]
  /** Promises that the messages break; disposing of the feed throws the first one. */
  readonly failures: readonly string[]
  /** What ended the feed; undefined while it runs or when it ended well. */
  readonly error: FeedFailure | undefined
  /** Settles when the feed is over and everything of it has been read, however it ended. */
  readonly ended: Promise<void>
  /** Waits for that many row messages since the start. */
  row(count: number): Promise<readonly FeedMessage[]>
  /** Waits for a resolved message above `after`. */
  resolvedPast(after: Hlc): Promise<Hlc>
}

export function hlcOf(value: string, member: 'updated' | 'resolved'): Hlc {
  // Avro's JSON encoding says the type of the member, `{"string":"…"}`.
  const text = new RegExp(`"${member}": ?(?:\\{"string":)?"([0-9.]+)"`).exec(value)?.[1]
  const ts = text === undefined ? undefined : parseHlc(text)
  if (ts === undefined) throw new Error(`no ${member} in ${value}`)
  return ts
}

/** The message without the time of its transaction. */
export function withoutTime(text: string): string {
  return text.replace(/, "updated": "[^"]*"/, '')
}

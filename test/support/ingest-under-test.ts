// For tests: the ingest of one database, in a thread of its own, and what it says.

import type { Changelog, LogHandle } from '../../src/changelog/changelog.ts'
import { openChangelog } from '../../src/changelog/open-changelog.ts'
import { LogHead } from '../../src/changelog/files/log-head.ts'
import type { FromIngest } from '../../src/ingest/ingest.ts'
import { IngestThread } from '../../src/ingest/ingest-thread.ts'
import { type TestDatabase } from './postgres-under-test.ts'
import { within } from './until.ts'
import { type LogEvent } from './read-log.ts'
import { readLog } from './read-log.ts'

export class IngestUnderTest implements AsyncDisposable {
  readonly db: TestDatabase
  readonly head = new LogHead()
  readonly heard: FromIngest[] = []
  readonly thread: IngestThread
  /** Where the log ended when the stream started, or, set to undefined by a test, when it starts next. */
  streamedFrom: bigint | undefined

  constructor(db: TestDatabase, closedTargetMs = 100) {
    this.db = db
    const settings = { closedTargetMs, retentionMs: 3_600_000, maxLogBytes: 0 }
    this.thread = new IngestThread({ log: this.handle, source: db.source, settings }, (message) => {
      this.heard.push(message)
      if (message.tag === 'state' && message.state.tag === 'streaming') this.streamedFrom ??= this.head.endLsn
    })
  }

  get handle(): LogHandle {
    return { tag: 'files', dir: this.db.dir, shared: this.head.shared }
  }

  get log(): Changelog {
    return openChangelog(this.handle)
  }

  get states(): string[] {
    return this.heard.flatMap((message) => (message.tag === 'state' ? [message.state.tag] : []))
  }

  get gaps(): string[] {
    return this.heard.flatMap((message) => (message.tag === 'gap' ? [message.reason] : []))
  }

  /** What the log holds now. */
  events(): LogEvent[] {
    return readLog(this.db.dir, this.head)
  }

  /** Everything that is committed now is in the log. */
  async caughtUp(): Promise<void> {
    const lsn = await this.db.flushLsn()
    this.log.closeNow()
    await within(60_000, `the log to reach ${lsn}, it is at ${this.head.endLsn}`, () => this.head.endLsn >= lsn)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.thread.stop()
  }
}

// What an attempt has made ready when it begins to read changes: one set of parts, which bulk pulls and the stream use by
// turns.

import type { ChangelogWriter } from '../changelog/changelog.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import type { SerialQueries } from './serial-queries.ts'
import type { ApplyMessage, MessageApplier } from './apply-message.ts'
import type { SourceClock } from './clock-probe.ts'
import type { GroupCommit } from './group-commit.ts'
import type { HealthCheck } from './health.ts'
import type { LogTail } from './log-tail.ts'

export interface Gears {
  readonly writer: ChangelogWriter
  readonly applier: MessageApplier
  /** Hands a message to the applier. */
  readonly apply: ApplyMessage
  readonly tail: LogTail
  readonly commit: GroupCommit
  readonly control: SerialQueries
  readonly replication: RawConnection
  readonly slot: string
  readonly health: HealthCheck
  readonly clock: SourceClock
}

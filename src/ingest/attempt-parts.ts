// The parts that an attempt has prepared when it begins to read changes. Bulk pulls and the stream use the same parts.

import type { ChangelogWriter } from '../changelog/changelog.ts'
import type { Queries } from '../postgres/queries.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import type { ApplyMessage, MessageApplier } from './apply-message.ts'
import type { SourceClock } from './clock-probe.ts'
import type { GroupCommit } from './group-commit.ts'
import type { HistoryCheck } from './history-check.ts'
import type { Gate } from './readings/gate.ts'
import type { Health } from './source-keeper.ts'

export interface AttemptParts {
  readonly writer: ChangelogWriter
  readonly applier: MessageApplier
  /** Passes a message to the applier. */
  readonly apply: ApplyMessage
  readonly history: HistoryCheck
  readonly commit: GroupCommit
  readonly control: Queries
  /** A connection with replication=database, or one that may use the SQL functions for slots. */
  readonly replication: RawConnection
  /** The slot is read by SQL functions, because our role gets no connection for replication. */
  readonly usesFunctions: boolean
  readonly slot: string
  readonly health: Health
  readonly clock: SourceClock
  /** Through which messages pass where schema changes are found by readings of the catalogue. */
  readonly gate: Gate | undefined
}

// Everything that the checks may know, as plain values.

import type { CertificateEnd } from '../../core/certificate-end.ts'
import type { SlotRoom } from '../../postgres/slot-room.ts'
import type { SourceMode } from '../../source-schema/source-mode.ts'
import type { Provider } from '../../postgres/provider.ts'
import type { ServerFacts } from './read-server.ts'
import type { TableFacts } from './read-tables.ts'
import type { Tries } from './try-rights.ts'
import type { StateFacts } from './read-state.ts'
import type { WalRate } from './wal-rate.ts'

export interface Facts {
  readonly server: ServerFacts
  readonly room: SlotRoom
  readonly tries: Tries
  /** PostgreSQL has let our connection in without asking for a password, and not because of a certificate of ours. */
  readonly isUnasked: boolean
  readonly rate: WalRate
  readonly provider: Provider
  /** How the database would be read. */
  readonly mode: SourceMode
  readonly tables: readonly TableFacts[]
  /** Messages have the row before a change, too. */
  readonly diff: boolean
  /** A table without a primary key gets one. */
  readonly makesKeys: boolean
  /** Who asks reads the slot already. */
  readonly isServed: boolean
  /** Those of our own server, as far as they were named. */
  readonly certificates: readonly CertificateEnd[]
  readonly nowMs: number
  /** A transaction that has been open for longer is long. */
  readonly longSeconds: number
  /** The database of our own jobs and settings; undefined: it is kept elsewhere, and nothing is to be checked. */
  readonly state: StateFacts | undefined
}

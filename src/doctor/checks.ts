// The list of all checks, in the order of the report. docs/reference/doctor.md is generated from it (`npm run reference`).

import { absence } from './checks/absence.ts'
import { certificates } from './checks/certificates.ts'
import { commitTimestamps } from './checks/commit-timestamps.ts'
import { connections } from './checks/connections.ts'
import { ddl } from './checks/ddl.ts'
import { encoding } from './checks/encoding.ts'
import { failover } from './checks/failover.ts'
import { generated } from './checks/generated.ts'
import { identity } from './checks/identity.ts'
import { idleSlots } from './checks/idle-slots.ts'
import { key } from './checks/key.ts'
import { locks } from './checks/locks.ts'
import { logins } from './checks/logins.ts'
import { mode } from './checks/mode.ts'
import { otherPublications } from './checks/other-publications.ts'
import { otherSlots } from './checks/other-slots.ts'
import { ourSlot } from './checks/our-slot.ts'
import { partitions } from './checks/partitions.ts'
import { prepared } from './checks/prepared.ts'
import { provider } from './checks/provider.ts'
import { publication } from './checks/publication.ts'
import { published } from './checks/published.ts'
import { replication } from './checks/replication.ts'
import { rowSecurity } from './checks/row-security.ts'
import { scan } from './checks/scan.ts'
import { schema } from './checks/schema.ts'
import { select } from './checks/select.ts'
import { settings } from './checks/settings.ts'
import { slots } from './checks/slots.ts'
import { standby } from './checks/standby.ts'
import { state } from './checks/state.ts'
import { tableKind } from './checks/table-kind.ts'
import { transactions } from './checks/transactions.ts'
import { types } from './checks/types.ts'
import { version } from './checks/version.ts'
import { walKeep } from './checks/wal-keep.ts'
import { walLevel } from './checks/wal-level.ts'
import { walSenderTimeout } from './checks/wal-sender-timeout.ts'
import { walsenders } from './checks/walsenders.ts'
import type { ServerCheck, TableCheck } from './finding.ts'

export const serverChecks: readonly ServerCheck[] = [
  version,
  provider,
  standby,
  walLevel,
  replication,
  walsenders,
  slots,
  connections,
  logins,
  mode,
  ourSlot,
  publication,
  schema,
  state,
  walKeep,
  absence,
  idleSlots,
  walSenderTimeout,
  otherSlots,
  transactions,
  prepared,
  failover,
  commitTimestamps,
  certificates,
  encoding,
  settings,
  ddl,
  locks,
]

export const tableChecks: readonly TableCheck[] = [
  tableKind,
  select,
  rowSecurity,
  key,
  identity,
  published,
  partitions,
  otherPublications,
  generated,
  types,
  scan,
]

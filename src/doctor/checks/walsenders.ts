import { numberOf } from '../amounts.ts'
import { failure, ok, type ServerCheck } from '../finding.ts'

export const walsenders: ServerCheck = {
  id: 'wal_senders',
  about:
    'A WAL sender is free: the stream of changes needs one for each database, and each initial scan one for a moment.',
  judge({ server, tries, provider }) {
    const most = numberOf(server, 'max_wal_senders') ?? 0
    const { walsenders: used } = server
    const what = `${used} of max_wal_senders = ${most} are in use`
    const isFull = tries.reading.tag === 'no walsender' && used >= most
    if (!isFull && used < most) return ok(what)
    return failure(
      `no WAL sender is free: ${what}`,
      `${provider.setting('max_wal_senders', String(most + 4))}, then restart PostgreSQL; SELECT pid, application_name FROM pg_stat_replication lists who uses them`,
    )
  },
}

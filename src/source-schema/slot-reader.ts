// Which process of PostgreSQL reads a slot. Where our role reads it by SQL functions, nobody holds it between two pulls; then it is
// a session of ingest, which is there all the time.

export const ingestApplication = 'pg-changefeed ingest'

/** The number of the process, or null. `s` is the slot, as in pg_replication_slots. `own` are processes of the server that asks. */
export function slotReaderSql(own: readonly number[] = []): string {
  return `coalesce(s.active_pid, (SELECT min(r.pid) FROM pg_stat_activity r WHERE s.slot_name = 'pg_changefeed_' || r.datid AND r.datname = s.database AND r.application_name = '${ingestApplication}' AND r.pid <> ALL ('{${own.join()}}')))`
}

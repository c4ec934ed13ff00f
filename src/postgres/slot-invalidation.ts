// Why PostgreSQL has given up a slot, in words: its own word alone does not name the setting to change.

const words: Readonly<Record<string, string>> = {
  wal_removed: 'it needed more WAL than max_slot_wal_keep_size lets PostgreSQL keep',
  rows_removed: 'rows of the catalogue that it needed were removed',
  wal_level_insufficient: 'wal_level was not logical for a while',
  idle_timeout: 'nobody read it for longer than idle_replication_slot_timeout',
}

/** `reason`: as PostgreSQL 17 and later say it; null: an older one has removed its WAL. */
export function slotInvalidation(reason: string | null): string {
  const word = reason ?? 'wal_removed'
  return word in words ? `${word}: ${words[word]}` : word
}

import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { versionOfTests } from '../../test/support/servers/server-of-tests.ts'
import { TestPostgres } from '../../test/support/postgres-under-test.ts'
import { openRawConnection } from './raw-connection.ts'
import { laterParameters, rowTextParameters } from './source-connection.ts'

let server: TestPostgres
before(async () => {
  server = await TestPostgres.start()
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

/** Settings that a role or a database may set and that cannot do harm: why not, and which. */
const harmless: Readonly<Record<string, RegExp>> = {
  'the planner: other plans give the same rows':
    /^(enable_|geqo|cpu_|seq_page|random_page|parallel_|min_parallel|effective_|jit|from_collapse|join_collapse|constraint_exclusion|cursor_tuple|plan_cache|recursive_worktable|max_parallel|debug_parallel|default_statistics|constraint_excl|optimize_bounded|force_parallel)/,
  'memory and disk: slower or faster':
    /^(work_mem|maintenance_work_mem|hash_mem|logical_decoding_work_mem|temp_buffers|temp_tablespaces|temp_file_limit|vacuum_|commit_|backend_flush|maintenance_io|io_|wal_skip|wal_compression|wal_init|wal_recycle|wal_consistency|max_stack_depth|huge_|session_preload|local_preload|dynamic_library|stats_fetch|synchronize_seqscans|gin_|bonjour)/,
  'logs, statistics and debugging':
    /^(log_|debug_(print|pretty|discard|copy|write|raw|logical)|trace_|track_|client_min_messages|compute_query|update_process|application_name|ignore_checksum|zero_damaged|ignore_system|post_auth|pre_auth|backtrace|jit_|deadlock_timeout|allow_in_place|allow_system|lo_compat|md5_password|ssl_|event_source|pg_stat)/,
  'what new objects look like; ours are made by name':
    /^(default_table_access|default_tablespace|default_toast|check_function|password_encryption|createrole|icu_validation|default_with|file_copy|gss|scram|krb)/,
  'input of words that we do not use':
    /^(default_text_search|timezone_abbreviations|backslash_quote|escape_string|bytea_|seed|restrict_nonsystem)/,
  'of one transaction; its beginning says what it is': /^transaction_(isolation|read_only|deferrable)$/,
  'keep-alive of the connection, and how a dead client is noticed': /^(tcp_keepalives|client_connection_check)/,
  'switches of a superuser': /^(event_triggers|extension_control_path|plpgsql|session_authorization|wal_debug)/,
}

test('every setting that a role or a database may have is pinned, or known not to matter', async () => {
  await using db = await server.database()
  const rows = await db.sql(`SELECT name FROM pg_settings WHERE context IN ('user', 'superuser') ORDER BY name`)
  const pinned = new Set([...Object.keys(rowTextParameters), ...Object.keys(laterParameters)])
  const unknown = rows.flatMap(([name]) =>
    pinned.has(name ?? '') || Object.values(harmless).some((names) => names.test(name ?? '')) ? [] : [name],
  )
  assert.deepEqual(unknown, [])
})

const currentSql = "SELECT name, current_setting(name) FROM pg_settings WHERE context IN ('user', 'superuser')"

const hostile: Readonly<Record<string, string>> = {
  DateStyle: 'German',
  IntervalStyle: 'sql_standard',
  TimeZone: 'Asia/Tokyo',
  extra_float_digits: '-5',
  bytea_output: 'escape',
  xmlbinary: 'hex',
  quote_all_identifiers: 'on',
  search_path: 'public, pg_catalog',
  statement_timeout: '1ms',
  lock_timeout: '1ms',
  ...(versionOfTests >= 17 ? { transaction_timeout: '100ms' } : {}),
  idle_in_transaction_session_timeout: '1ms',
  idle_session_timeout: '1ms',
  wal_sender_timeout: '10ms',
  default_transaction_read_only: 'on',
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
  row_security: 'on',
  standard_conforming_strings: 'off',
  transform_null_equals: 'on',
  exit_on_error: 'on',
  session_replication_role: 'replica',
  client_encoding: 'LATIN1',
  synchronous_commit: 'off',
}

test('hostile settings of a database and a role change neither our sessions nor what they print', async () => {
  await using db = await server.database()
  const name = db.source.database
  const admin = await openRawConnection({ source: { ...db.source, database: 'postgres' } })
  for (const [setting, value] of Object.entries(hostile))
    await admin.query(`ALTER DATABASE ${name} SET ${setting} = '${value}'`)
  try {
    for (const replication of [false, true]) {
      const connection = await openRawConnection({ source: db.source, replication })
      const now = new Map((await connection.query(currentSql)).map(([n, v]) => [n, v]))
      for (const setting of Object.keys(hostile)) {
        const wanted = Object.entries({ ...rowTextParameters, ...laterParameters }).find(([n]) => n === setting)?.[1]
        assert.notEqual(wanted, undefined, setting)
        assert.equal(now.get(setting), wanted === '60s' ? '1min' : wanted, setting)
      }
      const [row] = await connection.query(
        `SELECT '2026-01-02 03:04:05Z'::timestamptz, '1 day 2:00'::interval, 0.1::float8 + 0.2, '\\x01'::bytea, 'pg_class'::regclass, pg_sleep(0.3)`,
      )
      assert.deepEqual(row, [
        '2026-01-02 03:04:05+00',
        '1 day 02:00:00',
        '0.30000000000000004',
        '\\x01',
        'pg_class',
        '',
      ])
      await connection.query('CREATE TABLE IF NOT EXISTS public.written (id int)')
      await connection.close()
    }
  } finally {
    for (const setting of Object.keys(hostile)) await admin.query(`ALTER DATABASE ${name} RESET ${setting}`)
    await admin.close()
  }
})

import { failure, ok, warning, type ServerCheck } from '../finding.ts'

export const standby: ServerCheck = {
  id: 'standby',
  about: 'The server is a primary, or a standby that can be read (PostgreSQL 16 and later, with hot_standby_feedback).',
  judge({ server: { isInRecovery, version, settings }, provider }) {
    if (!isInRecovery) return ok('the server is a primary')
    if (version < 160_000)
      return failure(
        'the server is a standby, from which PostgreSQL can decode changes since version 16 only',
        'name the primary in --postgres, or several hosts with target_session_attrs=primary',
      )
    if (settings['hot_standby_feedback']?.value !== 'on')
      return failure(
        'the server is a standby whose hot_standby_feedback is off: VACUUM on the primary would destroy the slot',
        provider.setting('hot_standby_feedback', 'on', 'reload'),
      )
    return warning(
      'the server is a standby: a slot can be made only while the primary writes, and is not protected before hot_standby_feedback has reached the primary',
      'on the primary, when a changefeed waits for its slot: SELECT pg_log_standby_snapshot()',
    )
  },
}

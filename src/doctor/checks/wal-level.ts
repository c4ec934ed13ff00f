import { failure, ok, type ServerCheck } from '../finding.ts'

export const walLevel: ServerCheck = {
  id: 'wal_level',
  about: 'The write-ahead log has what logical decoding needs.',
  judge({ server: { settings }, provider }) {
    const { value = '', pendingRestart = false } = settings['wal_level'] ?? {}
    if (value === 'logical') return ok('wal_level is logical')
    if (pendingRestart)
      return failure(`wal_level is ${value}, and will be another one after a restart`, 'restart PostgreSQL')
    return failure(`wal_level is ${value}, which has no logical decoding`, provider.logical)
  },
}

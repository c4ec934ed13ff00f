import { lackOfWalLevel } from '../../postgres/slot-room.ts'
import { failure, ok, type ServerCheck } from '../finding.ts'

export const walLevel: ServerCheck = {
  id: 'wal_level',
  about: 'The write-ahead log has what logical decoding needs.',
  judge({ room, provider }) {
    const lack = lackOfWalLevel(room, provider)
    return lack === undefined ? ok('wal_level is logical') : failure(lack.what, lack.remedy)
  },
}

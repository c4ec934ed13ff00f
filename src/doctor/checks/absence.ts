import { walWhileAway } from '../wal-while-away.ts'
import { ok, type ServerCheck } from '../finding.ts'

export const absence: ServerCheck = {
  id: 'absence',
  about: 'What happens to the WAL while our server is down, and how much a day of that is.',
  judge: ({ server, rate }) => ok(walWhileAway({ settings: server.settings, rate })),
}

import { durationText, numberOf } from '../amounts.ts'
import { ok, type ServerCheck } from '../finding.ts'

export const walSenderTimeout: ServerCheck = {
  id: 'wal_sender_timeout',
  about: 'A short wal_sender_timeout does not end our stream: each of our sessions sets its own.',
  judge({ server }) {
    const ms = numberOf(server, 'wal_sender_timeout') ?? 0
    const set = ms === 0 ? 'off' : durationText(ms / 1000)
    return ok(`our sessions set wal_sender_timeout themselves: ${set}`)
  },
}

import { ok, type TableCheck } from '../finding.ts'

export const locks: TableCheck = {
  id: 'locks',
  about: 'Which locks a changefeed takes on it at its start, and for how long at most.',
  judge(_table, { mode }) {
    const scans = 'ACCESS SHARE while it is scanned, given back when somebody waits for it'
    if (mode === 'prepared') return ok(scans)
    return ok(
      `SHARE ROW EXCLUSIVE for a moment when it is first watched, ACCESS EXCLUSIVE where its replica identity changes; each try waits at most 300 ms, and after 10 s of tries the statement fails and names who holds the lock; ${scans}`,
    )
  },
}

import { ok, type ServerCheck } from '../finding.ts'

export const locks: ServerCheck = {
  id: 'locks',
  about: 'Which locks a changefeed takes on a table at its start, and for how long at most.',
  judge({ mode, tables }) {
    if (tables.length === 0) return undefined
    const scans = 'ACCESS SHARE while a table is scanned, given back when somebody waits for it'
    if (mode === 'prepared') return ok(scans)
    return ok(
      `SHARE ROW EXCLUSIVE for a moment when a table is first watched, ACCESS EXCLUSIVE where its replica identity changes; each try waits at most 300 ms, and after 10 s of tries the statement fails and names who holds the lock; ${scans}`,
    )
  },
}

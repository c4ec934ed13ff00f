import { failure, ok, type ServerCheck } from '../finding.ts'

const oldest = 140_000
const newest = 190_000

export const version: ServerCheck = {
  id: 'version',
  about: 'PostgreSQL is of a version that is supported: 14 to 18.',
  judge({ server: { version: number, versionText } }) {
    const short = /^PostgreSQL [^\s,]+/.exec(versionText)?.[0] ?? versionText
    if (number < oldest)
      return failure(
        `${short} is too old: pg-changefeed reads PostgreSQL 14 to 18`,
        'upgrade to PostgreSQL 14 or later',
      )
    if (number >= newest)
      return { verdict: 'warning', what: `${short} is newer than what pg-changefeed was tested with (14 to 18)` }
    return ok(short)
  },
}

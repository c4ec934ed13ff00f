// Opens the doctor's connection. That it cannot be opened is a finding, too, with the reason.

import { isPooler } from '../postgres/pooler.ts'
import { FeedError } from '../errors/feed-error.ts'
import { openRawConnection, type RawConnection } from '../postgres/raw-connection.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { shownName } from '../core/quote.ts'
import { failure, type Finding, type Judgement } from './finding.ts'

export type Connected =
  | { readonly tag: 'connected'; readonly connection: RawConnection }
  | { readonly tag: 'failed'; readonly finding: Finding }

const applicationName = 'pg-changefeed doctor'
const oldestVersion = 140_000
/** PostgreSQL does not know one of the settings of our sessions. */
const unknownSetting = '42704'

export async function connectTo(source: SourceConnection): Promise<Connected> {
  try {
    return { tag: 'connected', connection: await openRawConnection({ source, applicationName }) }
  } catch (error) {
    if (!(error instanceof FeedError)) throw error
    return { tag: 'failed', finding: await whyNot(error, source) }
  }
}

async function whyNot(error: FeedError, source: SourceConnection): Promise<Finding> {
  if (isPooler(error)) return finding('pooler', failure(error.message, error.hint))
  if (error.sqlstate === unknownSetting) {
    const old = await tooOld(source)
    if (old !== undefined) return finding('version', old)
  }
  return finding('connection', failure(error.message, error.hint ?? remedyOf(error, source)))
}

async function tooOld(source: SourceConnection): Promise<Judgement | undefined> {
  try {
    await using connection = await openRawConnection({ source, applicationName, parameters: {} })
    const [row] = await connection.query(
      `SELECT current_setting('server_version'), current_setting('server_version_num')`,
    )
    if (Number(row?.[1]) >= oldestVersion) return undefined
    return failure(
      `PostgreSQL ${row?.[0]} is too old: pg-changefeed reads PostgreSQL 14 to 18`,
      'upgrade to PostgreSQL 14 or later',
    )
  } catch {
    return undefined
  }
}

function remedyOf({ sqlstate, code }: FeedError, { user, database, host, port }: SourceConnection): string {
  switch (sqlstate) {
    case '28P01':
      return `check the password of role ${shownName(user)}: PGPASSWORD, PGPASSFILE or --password-file`
    case '28000':
      return `allow role ${shownName(user)} and this address in pg_hba.conf, with the encryption that sslmode asks for`
    case '3D000':
      return `check the name of database ${shownName(database)}`
    case '53300':
      return 'raise max_connections, or end connections that nobody needs'
    default:
      return code === 'FEED_SOURCE_DOWN'
        ? `check that PostgreSQL runs, and that this machine reaches ${host} at port ${port}`
        : 'check the connection string'
  }
}

function finding(id: string, judgement: Judgement): Finding {
  return { id, subject: 'server', ...judgement }
}

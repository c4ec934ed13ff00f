// The keeper of a source in which we have installed what we need (source-schema/source-schema.ts).

import type { Queries } from '../postgres/queries.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { call } from '../source-schema/call.ts'
import { publication } from '../source-schema/names.ts'
import { HealthCheck } from './health.ts'
import type { Health, HealthOptions, SourceKeeper, Trust } from './source-keeper.ts'

export class InstalledKeeper implements SourceKeeper {
  readonly mode = 'installed'
  readonly #source: SourceConnection

  constructor(source: SourceConnection) {
    this.#source = source
  }

  async trust(control: Queries): Promise<Trust> {
    const [row] = await control.query('SELECT token, seen, why FROM changefeed.source')
    const [token, seen, why] = row ?? []
    return { token: token ?? '', distrust: token === seen ? undefined : (why ?? madeAnew) }
  }

  /** The attempt asks before the publication is created again. */
  isPublicationAnew(): Promise<boolean> {
    return Promise.resolve(false)
  }

  /** Every description is written into the WAL again. */
  async afterGap(control: Queries, token?: string): Promise<void> {
    await control.query(registerAllSql)
    if (token !== undefined)
      await control.query(`UPDATE changefeed.source SET seen = '${token}' WHERE seen IS DISTINCT FROM '${token}'`)
  }

  health(options: HealthOptions): Health {
    return new HealthCheck({ ...options, source: this.#source })
  }
}

const madeAnew = 'schema "changefeed" was dropped and made anew: what was published meanwhile is not known'

/** Also tables that the publication still has and our schema does not know any more. */
const registerAllSql = `SELECT ${call('register', { relation: { sql: 'relid' } })} FROM (
  SELECT relid FROM changefeed.watched
  UNION SELECT r.prrelid FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE p.pubname = '${publication}'
) AS t WHERE EXISTS (SELECT FROM pg_class WHERE oid = relid) AND relid <> 'changefeed.watched'::regclass`

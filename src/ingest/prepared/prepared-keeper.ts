// The keeper of a source that a DBA has prepared: it looks and never writes.

import type { ChangelogKeeper } from '../../changelog/changelog.ts'
import type { Queries } from '../../postgres/queries.ts'
import type { Health, HealthOptions, SourceKeeper, Trust } from '../source-keeper.ts'
import { readPrepared } from './prepared-facts.ts'
import { PreparedHealth } from './prepared-health.ts'
import { readState } from './prepared-state.ts'

export class PreparedKeeper implements SourceKeeper {
  readonly mode = 'prepared'
  readonly #log: ChangelogKeeper
  #isNew: boolean

  /** `isNew`: the log is. */
  constructor(log: ChangelogKeeper, isNew: boolean) {
    this.#log = log
    this.#isNew = isNew
  }

  /** What is different from the last time becomes a gap at the first check of health, which comes before any change. */
  trust(): Promise<Trust> {
    return Promise.resolve({ token: '', distrust: undefined })
  }

  /** Before PostgreSQL 18 nothing can be decoded that was written while there was no publication. */
  async isPublicationAnew(control: Queries): Promise<boolean> {
    const known = readState(this.#log)
    if (known === undefined) return false
    const [version] = await control.query(`SELECT current_setting('server_version_num')`)
    if (Number(version?.[0]) >= 180_000) return false
    const { publication } = await readPrepared(control, [])
    return publication !== undefined && known.publication.split(':')[0] !== publication.id.split(':')[0]
  }

  afterGap(): Promise<void> {
    this.#isNew = true
    return Promise.resolve()
  }

  health(options: HealthOptions): Health {
    return new PreparedHealth({ ...options, log: this.#log, isNew: this.#isNew })
  }
}

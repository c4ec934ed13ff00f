// Checks every few seconds what a DBA has prepared. PostgreSQL says nothing when a table leaves a publication, or when a publication
// is made anew: rows are silently missing from the stream. Here that becomes a gap in the log, and only then a new beginning.
// Nothing is changed in the database.

import { recordGap } from '../record-gap.ts'
import type { ChangelogKeeper } from '../../changelog/changelog.ts'
import type { TableDescription } from '../../core/table.ts'
import type { Health, HealthOptions } from '../source-keeper.ts'
import { judgePrepared } from './judge-prepared.ts'
import { OpenWriters } from './open-writers.ts'
import { readPrepared } from './prepared-facts.ts'
import { keepState, readState, type PreparedState } from './prepared-state.ts'
import { goneNow } from './publication-gone.ts'

export interface PreparedHealthOptions extends HealthOptions {
  readonly log: Pick<ChangelogKeeper, 'readNote' | 'writeNote'>
  /** The log says already that everything may be missing that was written until now, or nobody has read it yet. */
  readonly isNew: boolean
}

export class PreparedHealth implements Health {
  readonly #options: PreparedHealthOptions
  readonly #writers: OpenWriters
  #checking: Promise<void> | undefined
  #isNew: boolean
  #known: PreparedState | undefined
  #role: string | undefined

  constructor(options: PreparedHealthOptions) {
    this.#options = options
    this.#isNew = options.isNew
    this.#known = options.isNew ? undefined : readState(options.log)
    this.#writers = new OpenWriters(options.control)
  }

  check(): Promise<void> {
    this.#checking ??= this.#check().finally(() => (this.#checking = undefined))
    return this.#checking
  }

  async #check(): Promise<void> {
    const { control, log, writer } = this.#options
    this.#role ??= (await control.query('SELECT quote_ident(current_user)'))[0]?.[0] ?? ''
    const facts = await readPrepared(control)
    if (facts.publication === undefined) throw goneNow()
    const judged = judgePrepared(
      this.#known,
      { ...facts, publication: facts.publication },
      {
        role: this.#role,
        isNew: this.#isNew,
        isPartition: (relid) => {
          const json = writer.descriptionOf(relid)?.toString('utf8')
          const described = json === undefined ? undefined : (JSON.parse(json) as TableDescription)
          return described !== undefined && described.dropped !== true && (described.ancestors?.length ?? 0) > 0
        },
      },
    )
    for (const { reason, relids } of judged.gaps) if (!(await recordGap(this.#options, reason, relids))) return
    const tables = { ...judged.state.tables }
    const pending = Object.entries(tables).filter(([, { since, lack }]) => since === undefined && lack === undefined)
    const ended = await this.#writers.ended(pending.map(([relid]) => Number(relid)))
    for (const [relid, table] of pending) {
      const since = ended.get(Number(relid))
      if (since !== undefined) tables[relid] = { ...table, since }
    }
    const state = { ...judged.state, tables }
    if (JSON.stringify(state) !== JSON.stringify(this.#known)) keepState(log, state)
    this.#known = state
    this.#isNew = false
  }
}

// Finds since when all changes of a table are published that a DBA has added to the publication. A transaction that had written to
// the table before may have changes that are not published, and commits later. It has a lock on the table until it ends, which
// everybody can see. So, once the membership is visible, the writers of that moment are waited for, and nobody is held up.

import type { Queries } from '../../postgres/queries.ts'
import { pgMicrosSql } from '../pg-micros.ts'
import { partsOf } from '../../core/partitions-of.ts'

export class OpenWriters {
  readonly #control: Queries
  /** The transactions to wait for, by table. */
  readonly #waiting = new Map<number, ReadonlySet<string>>()

  constructor(control: Queries) {
    this.#control = control
  }

  /** Of these members of the publication those that have no writers of before any more, and the time at which that was seen. */
  async ended(relids: readonly number[]): Promise<ReadonlyMap<number, string>> {
    for (const relid of this.#waiting.keys()) if (!relids.includes(relid)) this.#waiting.delete(relid)
    if (relids.length === 0) return new Map()
    const writers = await this.#writers(relids)
    const [row] = await this.#control.query(`SELECT ${pgMicrosSql('clock_timestamp()')}::text`)
    const ended = new Map<number, string>()
    for (const relid of relids) {
      const now = writers.get(relid) ?? new Set()
      const before = this.#waiting.get(relid) ?? now
      // A transaction that is prepared gets another name, so every prepared one is waited for.
      const left = new Set([...now].filter((one) => before.has(one) || one.startsWith('-1/')))
      if (left.size > 0) this.#waiting.set(relid, left)
      else {
        this.#waiting.delete(relid)
        ended.set(relid, row?.[0] ?? '0')
      }
    }
    return ended
  }

  async #writers(relids: readonly number[]): Promise<ReadonlyMap<number, ReadonlySet<string>>> {
    const rows = await this.#control.query(writersSql(relids, 'l.virtualtransaction'))
    const writers = new Map<number, Set<string>>()
    for (const [relid, one] of rows) {
      const of = writers.get(Number(relid))
      if (of === undefined) writers.set(Number(relid), new Set([one ?? '']))
      else of.add(one ?? '')
    }
    return writers
  }
}

/** Who writes to the tables now, for messages. */
export async function describeWriters(connection: Queries, relids: readonly number[]): Promise<string | undefined> {
  const who = `CASE WHEN l.pid IS NULL THEN 'a prepared transaction' ELSE format('process %s of user "%s"', l.pid, coalesce((SELECT usename FROM pg_stat_activity a WHERE a.pid = l.pid)::text, '?')) END`
  const rows = await connection.query(writersSql(relids, who))
  return rows.length === 0 ? undefined : [...new Set(rows.map(([, text]) => text ?? ''))].join(', ')
}

const writersSql = (relids: readonly number[], what: string): string =>
  `SELECT DISTINCT m.relid::text, ${what} FROM unnest('{${relids.join(', ')}}'::oid[]) AS m (relid), LATERAL (${partsOf('m.relid')}) AS p JOIN pg_locks l
    ON l.relation = p.relid
  WHERE l.locktype = 'relation' AND l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')`

// Gives tables back when no changefeed and no job has needed them for some time. The slot and the log of a database are
// removed after its last table.

import type { Logger } from 'pino'
import type { JobRegistry } from '../../jobs/registry.ts'
import { giveBackTables } from '../../ingest/give-back.ts'
import type { Source } from './open-source.ts'
import type { ServerParts } from '../server-parts.ts'

const checkMs = { least: 500, most: 30_000 }

/** Returns the tables of a source that changefeeds and jobs need. */
export async function neededTables(jobs: JobRegistry, { uses, connection }: Source): Promise<ReadonlySet<number>> {
  // The order matters: a job is stored before the statement that creates it frees its tables.
  const needed = new Set(uses.relids)
  for (const { database, relids } of await jobs.store.unfinished())
    if (database === connection.database) for (const relid of relids) needed.add(relid)
  return needed
}

/** Gives tables back from time to time; returns the function that stops it. */
export function startGivingBack(
  { jobs, sources, settings }: Pick<ServerParts, 'jobs' | 'sources' | 'settings'>,
  log: Logger,
): () => Promise<void> {
  let last: Promise<void> = Promise.resolve()
  let isStopped = false
  /** Since when no table of a prepared database is needed: nothing in the database says it. */
  const unneeded = new WeakMap<Source, number>()
  let timer: NodeJS.Timeout | undefined
  const check = async (): Promise<void> => {
    const keepMs = settings.get('changefeed.watch.keep_duration')
    if (keepMs === 0) return
    for (const source of sources.all) {
      if (isStopped) return
      const { database } = source.connection
      try {
        const { given, left, isPrepared } = await giveBackTables(source.connection, {
          keepMs,
          needed: () => neededTables(jobs, source),
        })
        if (given > 0) log.info({ database, tables: given }, 'tables that nobody needs are not watched any more')
        if (left > 0 || !unneeded.has(source)) unneeded.set(source, Date.now())
        const unneededMs = Date.now() - (unneeded.get(source) ?? 0)
        if (left === 0 && (isPrepared !== true || unneededMs > keepMs)) await sources.retire(source)
      } catch (error) {
        log.debug({ database, error: String(error) }, 'tables could not be given back; it is tried again')
      }
    }
  }
  const arm = (): void => {
    clearTimeout(timer)
    if (isStopped) return
    const keepMs = settings.get('changefeed.watch.keep_duration')
    const inMs = Math.min(Math.max(keepMs / 4, checkMs.least), checkMs.most)
    timer = setTimeout(() => void (last = check().finally(arm)), inMs).unref()
  }
  const unsubscribe = settings.onChange(() => {
    clearTimeout(timer)
    void last.finally(arm)
  })
  arm()
  return async () => {
    isStopped = true
    clearTimeout(timer)
    unsubscribe()
    await last
  }
}

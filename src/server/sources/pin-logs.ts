// Keeps in the changelogs the changes that jobs still have to read, also paused jobs: a job pins the log at its position, and
// retention removes pinned segments only for the size of the log, not for their age.

import { Serial } from '../../async/serial.ts'
import type { Logger } from 'pino'
import { logStart } from '../../changelog/changelog.ts'
import { readsLogFrom } from '../../core/job-progress.ts'
import type { JobRegistry } from '../../jobs/registry.ts'
import type { Sources } from './sources.ts'

const everyMs = 30_000

/** Pins the logs from time to time; returns the function that stops it. */
export function pinLogs(jobs: JobRegistry, sources: Sources, log: Logger): () => Promise<void> {
  const pins = new Serial()
  const pin = (): void => {
    pins
      .run(() => pinNow(jobs, sources))
      .catch((error: unknown) => {
        log.warn({ error: String(error) }, 'the changelogs could not be pinned for the jobs')
      })
  }
  pin()
  const timer = setInterval(pin, everyMs)
  return async () => {
    clearInterval(timer)
    await pins.idle()
  }
}

async function pinNow(jobs: JobRegistry, sources: Sources): Promise<void> {
  const resting = await jobs.store.restingProgress()
  const running = jobs.running.map(({ job, progress }) => ({ database: job.payload.spec.database, progress }))
  for (const { connection, log, ingest } of sources.all) {
    // The log is not open yet, so its positions are unknown. Until a log is pinned, nothing is removed for its age.
    if (log.status.head === logStart) continue
    const positions = [...resting, ...running].flatMap(({ database, progress }) => {
      const from = database === connection.database ? readsLogFrom(progress) : undefined
      return from === undefined ? [] : (log.startOf(from) ?? [])
    })
    ingest.pin(positions)
  }
}

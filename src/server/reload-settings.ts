// Reads the cluster settings from time to time, where other servers may change them.

import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { SettingsStore } from '../settings/store.ts'

const everyMs = 5000

/** Returns the function that stops it. */
export function reloadSettings(settings: SettingsStore, log: Logger): () => Promise<void> {
  const stop = new AbortController()
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await delay(everyMs, undefined, { signal: stop.signal }).catch(() => undefined)
      if (stop.signal.aborted) return
      await settings
        .reload()
        .catch((error: unknown) => log.debug({ error: String(error) }, 'the settings could not be read again'))
    }
  }
  const ended = run()
  return async () => {
    stop.abort()
    await ended
  }
}

// What Node makes of our files when it loads them, kept for the next start: most of the time between the start of a server
// and its first message is the loading of modules, which each thread does for itself.
//
// It is kept beside the program, for whoever may write there may change the program anyway. Where that cannot be
// written, nothing is kept.

import { enableCompileCache, flushCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../../node_modules/.cache/pg-changefeed', import.meta.url))
/** A server that is killed has saved what it loaded by then. */
const saveAfterMs = 3000

/** To be called before anything else is loaded. Threads that start later do the same. */
export function keepCompiled(): void {
  enableCompileCache(process.env['NODE_COMPILE_CACHE'] ?? folder)
  process.env['NODE_COMPILE_CACHE'] ??= folder
  saveCompiled()
}

/** Saves what this thread has loaded, in a while. */
export function saveCompiled(): void {
  setTimeout(() => flushCompileCache(), saveAfterMs).unref()
}

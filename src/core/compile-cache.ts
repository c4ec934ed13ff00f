// Keeps the compiled code of our modules on disk for the next start. Most of the time between the start of a server and
// its first message is the loading of modules, which each thread does for itself.
//
// The folder is beside the program, because a user who may write there can change the program itself anyway. If the folder
// cannot be written, nothing is kept.

import { enableCompileCache, flushCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

/** The folder in which the compiled code is kept. */
export const compileCache =
  process.env['NODE_COMPILE_CACHE'] ??
  fileURLToPath(new URL('../../node_modules/.cache/pg-changefeed', import.meta.url))
/** A server that is killed later than this has saved its compiled code. */
const saveAfterMs = 3000

/** Switches the cache on. Call it before any other module is loaded; threads that start later use the cache, too. */
export function keepCompiled(): void {
  enableCompileCache(compileCache)
  process.env['NODE_COMPILE_CACHE'] = compileCache
  saveCompiled()
}

let saving: NodeJS.Timeout | undefined

/** Saves the compiled code of this thread after some seconds. */
export function saveCompiled(): void {
  saving ??= setTimeout(() => {
    saving = undefined
    flushCompileCache()
  }, saveAfterMs).unref()
}

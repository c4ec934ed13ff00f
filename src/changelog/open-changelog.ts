// Opens a changelog for reading, in any thread, whatever it is made of.

import type { Changelog, LogHandle } from './changelog.ts'
import { LogHead } from './files/log-head.ts'
import { openFiles } from './files/open-files.ts'

const openers: { readonly [Tag in LogHandle['tag']]: (handle: Extract<LogHandle, { tag: Tag }>) => Changelog } = {
  files: openFiles,
}

/** The handle of the log in a folder, which its writer makes when it is missing. Only one may be made in a process. */
export function logInFolder(dir: string): LogHandle {
  return { tag: 'files', dir, shared: new LogHead().shared }
}

export function openChangelog(handle: LogHandle): Changelog {
  return openers[handle.tag](handle)
}

// Opens a changelog for its writer. A file of its own: threads that only read load nothing of it.

import type { ChangelogKeeper, LogHandle } from './changelog.ts'
import { keepFiles } from './files/keep-files.ts'

const keepers: { readonly [Tag in LogHandle['tag']]: (handle: Extract<LogHandle, { tag: Tag }>) => ChangelogKeeper } = {
  files: keepFiles,
}

export function keepChangelog(handle: LogHandle): ChangelogKeeper {
  return keepers[handle.tag](handle)
}

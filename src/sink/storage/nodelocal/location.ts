// Where the files of a changefeed go on this machine, for what reads URIs and for the client, which is loaded later.

import type { StorageLocation } from '../storage-kind.ts'

export interface NodelocalLocation extends StorageLocation {
  readonly tag: 'nodelocal'
  /** The node in the URI, as written: `1` or `self`. */
  readonly node: string
  /** The folders below the folder for such files; none is `.` or `..`. */
  readonly folders: readonly string[]
}

/** The place in messages and in SHOW JOBS. */
export function shownFolder({ node, folders }: NodelocalLocation): string {
  return `nodelocal://${[node, ...folders].join('/')}`
}

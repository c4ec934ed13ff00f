// Where the files of a changefeed go on a web server, for what reads URIs and for the client, which is loaded later.

import type { StorageLocation } from '../storage-kind.ts'

export interface HttpLocation extends StorageLocation {
  readonly tag: 'http'
  /** http: or https:, without user, password and parameters, and with a slash at the end. */
  readonly url: string
  /** The value of the header Authorization. */
  readonly authorization?: string | undefined
}

/** The place in messages and in SHOW JOBS. */
export function shownUrl({ url }: HttpLocation): string {
  return `file-${url.replace(/\/$/, '')}`
}

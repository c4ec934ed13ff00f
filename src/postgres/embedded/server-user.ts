// PostgreSQL refuses to run as root. Started by root, it runs as `nobody`, who owns its data folder and nothing else.

import { chownSync, readFileSync } from 'node:fs'

export interface ServerUser {
  readonly uid: number
  readonly gid: number
}

/** Undefined: whoever we are may run it. */
export function serverUser(): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined
  const line = /^nobody:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'))
  return line === null ? { uid: 65534, gid: 65534 } : { uid: Number(line[1]), gid: Number(line[2]) }
}

export function give(path: string, user: ServerUser | undefined): void {
  if (user !== undefined) chownSync(path, user.uid, user.gid)
}

// The end of the process that handed over to this one (bin/run.js). Killed with -9 it cannot pass that on; but it holds the
// other end of a pipe, which closes. For the command it is the same as a terminal that is closed: it stops what it has
// started. A server in the background has been started anew, without that pipe, and goes on.

import { fstatSync } from 'node:fs'
import { Socket } from 'node:net'

const pipeVariable = 'CHANGEFEED_PARENT_PIPE'

export function hangUpWithParent(): void {
  const fd = Number(process.env[pipeVariable] ?? Number.NaN)
  // What this process starts has no such pipe.
  delete process.env[pipeVariable]
  if (!Number.isInteger(fd) || !isPipe(fd)) return
  const pipe = new Socket({ fd, readable: true, writable: false })
  pipe.on('error', () => undefined)
  pipe.on('close', () => process.kill(process.pid, 'SIGHUP'))
  pipe.resume()
  // It keeps no command from ending.
  pipe.unref()
}

function isPipe(fd: number): boolean {
  try {
    const stat = fstatSync(fd)
    return stat.isSocket() || stat.isFIFO()
  } catch {
    return false
  }
}

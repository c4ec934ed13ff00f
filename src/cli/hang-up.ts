// Notices the end of the process that started this one (bin/run.js). After kill -9 that process cannot send a signal, but it holds
// the other end of a pipe, which the kernel closes. The command treats this like a closed terminal and stops what it has started. A
// server in the background is started without this pipe and continues.

import { closeSync, fstatSync, openSync } from 'node:fs'
import { Socket } from 'node:net'

const pipeVariable = 'CHANGEFEED_PARENT_PIPE'

const hadTerminal = hasTerminal()
let isParentGone = false

/** Whether a SIGHUP means that the terminal, or the process that started this one, is gone. */
export function isHungUp(): boolean {
  return isParentGone || (hadTerminal && !hasTerminal())
}

function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return true
  } catch {
    return false
  }
}

export function hangUpWithParent(): void {
  const fd = Number(process.env[pipeVariable] ?? Number.NaN)
  // The processes that this one starts do not get the pipe.
  delete process.env[pipeVariable]
  if (!Number.isInteger(fd) || !isPipe(fd)) return
  const pipe = new Socket({ fd, readable: true, writable: false })
  pipe.on('error', () => undefined)
  pipe.on('close', () => {
    isParentGone = true
    process.kill(process.pid, 'SIGHUP')
  })
  pipe.resume()
  // The pipe does not keep the process alive.
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

// A program that a bench waits for. It is waited for without blocking, so that a signal can end both.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { giveUpAfterMs } from './bench-source.ts'
import { endsWithUs, killNow } from './ends-with-us.ts'

/** Returns what it prints; throws if it fails, or does not end in time. */
export async function runProgram(program: string, args: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: giveUpAfterMs })
  const ended = endsWithUs(() => {
    if (child.pid !== undefined) killNow(child.pid)
  })
  try {
    const [printed, said, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    if (status !== 0) throw new Error(`${program}: ${printed}${said}`)
    return printed
  } finally {
    ended()
  }
}

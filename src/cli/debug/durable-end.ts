// Asks a running server how far its changelog is durable. Only the server knows: a crash could still remove what was written
// after that.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const withinMs = 2000

/**
 * Returns the durable end; undefined: the server does not answer. `tail` is the position of the oldest segment before the
 * request. If retention removes segments meanwhile, the answer is lower than it could be, and never too high.
 */
export async function askDurableEnd(
  storeDir: string,
  database: string | undefined,
  tail: number,
): Promise<number | undefined> {
  try {
    const address = readFileSync(join(storeDir, 'http-address'), 'utf8').replace(/^localhost/, '127.0.0.1')
    const response = await fetch(`http://${address}/_status/vars`, { signal: AbortSignal.timeout(withinMs) })
    for (const line of (await response.text()).split('\n')) {
      const [, of, bytes] = /^changefeed_changelog_bytes\{database="(.*)"\} (\d+)$/.exec(line) ?? []
      if (bytes !== undefined && of === database) return tail + Number(bytes)
    }
  } catch {
    // The server is just starting or stopping, or has no HTTP any more.
  }
  return undefined
}

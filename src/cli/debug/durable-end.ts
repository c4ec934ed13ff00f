// How far the changelog of a running server is durable. The server alone knows: what lies after that is written, and a crash
// could still take it back, so that it never happened.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const withinMs = 2000

/**
 * `tail`: position of the oldest segment, from before the question. Retention may remove segments meanwhile; the answer is
 * then lower than it could be, and never too high. Undefined: the server does not answer.
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
    // It is just starting or stopping, or has no HTTP any more.
  }
  return undefined
}

// A core changefeed as the benches of latency read it.

import pg from 'pg'

/** Settles when the changefeed runs. `see` gets the key of each row. */
export async function readAtClient(client: pg.Client, table: string, see: (key: Buffer) => void): Promise<void> {
  const feed = new pg.Query({
    text: `EXPERIMENTAL CHANGEFEED FOR ${table} WITH updated, no_initial_scan, resolved = '1s'`,
    values: [],
  })
  const begun = Promise.withResolvers<void>()
  feed.on('row', ({ key }: { key: Buffer | null }) => (key === null ? begun.resolve() : see(key)))
  feed.on('error', begun.reject)
  begun.promise.catch(() => undefined)
  client.query(feed)
  await begun.promise
}

/** The only number in a key: `[7]` of ours, `{"id":7}` of a peer's. */
export function idOf(key: Buffer): number {
  return Number(/\d+/.exec(key.toString())?.[0])
}

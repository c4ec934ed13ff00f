// For tests of the extended protocol: messages sent in one piece, and the answers to them.

import { RawClient } from './raw-client.ts'

/** Tags of the answers up to the `count`-th ReadyForQuery. */
export async function pipeline(client: RawClient, messages: readonly Buffer[], count = 1): Promise<string> {
  client.messages.length = 0
  client.send(...messages)
  await client.ready(count)
  return client.tags
}

export function states(client: RawClient): (string | undefined)[] {
  return client.errors.map((fields) => fields.get('C'))
}

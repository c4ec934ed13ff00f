// Reads the address of a broker in a sink URI.

import type { SinkAddress } from '../sink-facts.ts'

export const defaultPort = 9092

/** `text` is `host:port` or `[address]:port`. */
export function brokerAddress(text: string): SinkAddress {
  const [, host = text, port = ''] = /^(.*?):(\d+)$/.exec(text) ?? []
  return { host: host.replace(/^\[|\]$/g, ''), port: port === '' ? defaultPort : Number(port) }
}

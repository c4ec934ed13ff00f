// Where a broker is, from the text of a sink URI.

import type { SinkAddress } from '../sink-facts.ts'

const defaultPort = 9092

/** `host:port` or `[address]:port`. */
export function brokerAddress(text: string): SinkAddress {
  const [, host = text, port = ''] = /^(.*?):(\d+)$/.exec(text) ?? []
  return { host: host.replace(/^\[|\]$/g, ''), port: port === '' ? defaultPort : Number(port) }
}

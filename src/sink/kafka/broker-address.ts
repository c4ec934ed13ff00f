// Where a broker is, from the text of a sink URI.

export interface BrokerAddress {
  readonly host: string
  readonly port: number
}

const defaultPort = 9092

/** `host:port` or `[address]:port`. */
export function brokerAddress(text: string): BrokerAddress {
  const [, host = text, port = ''] = /^(.*?):(\d+)$/.exec(text) ?? []
  return { host: host.replace(/^\[|\]$/g, ''), port: port === '' ? defaultPort : Number(port) }
}

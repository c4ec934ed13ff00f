// Recognizes the metadata services of clouds, which give credentials of the machine to whoever can send them a request, and the
// addresses of private networks.

import { BlockList, isIP } from 'node:net'

const metadata = new BlockList()
// AWS, Azure, Google, DigitalOcean, Hetzner and others have theirs on link-local addresses, AWS those of containers, too.
metadata.addSubnet('169.254.0.0', 16)
metadata.addSubnet('fd00:ec2::', 32, 'ipv6')
metadata.addSubnet('fd20:ce::', 32, 'ipv6')
// Alibaba Cloud, Oracle Cloud, and the platform of Azure.
for (const address of ['100.100.100.200', '192.0.0.192', '168.63.129.16']) metadata.addAddress(address)

const metadataNames: ReadonlySet<string> = new Set([
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'instance-data',
  'instance-data.ec2.internal',
])

const privates = new BlockList()
for (const [net, prefix] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
] as const)
  privates.addSubnet(net, prefix)
privates.addAddress('::1', 'ipv6')
privates.addSubnet('fc00::', 7, 'ipv6')

/** `host`: a name, or an address with or without brackets. A name may have a metadata service for its address all the same. */
export function isMetadataHost(host: string): boolean {
  const name = host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
  return metadataNames.has(name) || isListed(metadata, name)
}

/** Whether only machines of this network can have the address. False for a name. */
export function isPrivateAddress(address: string): boolean {
  return isListed(privates, address)
}

function isListed(list: BlockList, address: string): boolean {
  const family = isIP(address)
  if (family === 4) return list.check(address, 'ipv4')
  if (family !== 6) return false
  const embedded = embeddedIPv4(address)
  return list.check(address, 'ipv6') || (embedded !== undefined && list.check(embedded, 'ipv4'))
}

/** Returns the IPv4 address that a NAT64 gateway makes of the address (64:ff9b::/96). BlockList itself knows ::ffff:0:0/96. */
function embeddedIPv4(address: string): string | undefined {
  const { hostname } = new URL(`http://[${address}]`)
  const [, high, low] = /^\[64:ff9b::(?:([0-9a-f]{1,4}):)?([0-9a-f]{1,4})\]$/.exec(hostname) ?? []
  if (low === undefined) return undefined
  const [h, l] = [Number.parseInt(high ?? '0', 16), Number.parseInt(low, 16)]
  return [h >> 8, h & 255, l >> 8, l & 255].join('.')
}

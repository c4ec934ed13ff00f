// Resolves the name of a host for a connection of a sink, and refuses addresses that the sink may not reach. What is checked is
// what is connected to: a name that is resolved twice could have another address the second time.

import { lookup, type LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { isMetadataHost } from '../core/metadata-address.ts'
import { FeedError } from '../errors/feed-error.ts'

/** Returns why the address may not be connected to. */
export type AddressGuard = (address: string) => FeedError | undefined

/** For `lookup` of a connection. With addresses in place of names it is not called: ask the guard itself then. */
export function guardedLookup(guard: AddressGuard): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      const refused = error ?? found.map(({ address }) => guard(address)).find((why) => why !== undefined)
      const [first] = found ?? []
      if (refused !== undefined && refused !== null) callback(refused, '')
      else if (options.all === true) callback(null, found as LookupAddress[])
      else callback(null, first?.address ?? '', first?.family)
    })
  }
}

export function metadataRefused(host: string): FeedError {
  const message = `sinks may not reach ${host}, which is the metadata service of a cloud, where credentials are`
  const hint = 'an admin may allow it: SET CLUSTER SETTING changefeed.sink.metadata_services.enabled = true'
  return new FeedError('FEED_PRIVILEGE', message, { hint })
}

/** `mayReachMetadata`: as in the specification of the sink. */
export function metadataGuard(mayReachMetadata: boolean): AddressGuard {
  return (address) => (!mayReachMetadata && isMetadataHost(address) ? metadataRefused(address) : undefined)
}

// Resolves the name of a host for a connection of a sink, and refuses addresses that the sink may not reach. What is checked is
// what is connected to: a name that is resolved twice could have another address the second time.

import { lookup, type LookupAddress, type LookupAllOptions } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { isMetadataHost } from '../core/metadata-address.ts'
import { FeedError } from '../errors/feed-error.ts'

/** Returns why the address may not be connected to. */
export type AddressGuard = (address: string) => FeedError | undefined

/** Finds all addresses of a name. */
export type Resolve = (
  name: string,
  options: LookupAllOptions,
  found: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

/** For `lookup` of a connection. With addresses in place of names it is not called: ask the guard itself then. */
export function guardedLookup(guard: AddressGuard, resolve: Resolve = lookup): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found) => {
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

const refused = /sinks may not reach (\S+), which is/

/** Returns the refusal in an error of a library, which may have kept no more of it than its code and its message. */
export function refusalIn(error: unknown, depth = 0): FeedError | undefined {
  if (error instanceof FeedError) return error
  if (!(error instanceof Error) || depth > 5) return undefined
  const [, host] = (error as NodeJS.ErrnoException).code === 'FEED_PRIVILEGE' ? (refused.exec(error.message) ?? []) : []
  return host === undefined ? refusalIn(error.cause, depth + 1) : metadataRefused(host)
}

/** `mayReachMetadata`: as in the specification of the sink. */
export function metadataGuard(mayReachMetadata: boolean): AddressGuard {
  return (address) => (!mayReachMetadata && isMetadataHost(address) ? metadataRefused(address) : undefined)
}

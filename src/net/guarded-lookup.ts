// Refuses connections to the metadata services of clouds, for everything to which a user's statement makes the server connect. What is
// checked is what is connected to: a name that is resolved twice could have another address the second time.
//
//   metadataLookup   for clients that take a `lookup`: all of Node's
//   guardSocket      for a client that makes its sockets itself
//
// Neither sees an address that stands in place of a name: ask the guard itself then, as the server does before a feed starts.

import { lookup, type LookupAddress, type LookupAllOptions } from 'node:dns'
import type { LookupFunction, Socket } from 'node:net'
import { FeedError } from '../errors/feed-error.ts'
import { isMetadataHost } from './metadata-address.ts'

/** Returns why a host may not be connected to: a name, or an address. */
export type AddressGuard = (host: string) => FeedError | undefined

/** A part of the specification of whatever connects: changefeed.sink.metadata_services.enabled, as it was when the feed started. */
export interface Reach {
  readonly mayReachMetadata?: boolean | undefined
}

export function metadataGuard({ mayReachMetadata = false }: Reach): AddressGuard {
  return (host) => (!mayReachMetadata && isMetadataHost(host) ? metadataRefused(host) : undefined)
}

export function metadataLookup(reach: Reach, resolve?: Resolve): LookupFunction {
  return guardedLookup(metadataGuard(reach), resolve)
}

/** Finds all addresses of a name. */
export type Resolve = (name: string, options: LookupAllOptions, found: Found) => void

type Found = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void

export function guardedLookup(guard: AddressGuard, resolve: Resolve = lookupShared): LookupFunction {
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

/** Who waits for the addresses of a name. */
const waiting = new Map<string, Found[]>()

/**
 * Asks once for all who want to know at the same time. Node looks up two names at a time, over all threads: a name server that does not
 * answer the connections of one sink must not keep the others from connecting.
 */
function lookupShared(hostname: string, options: LookupAllOptions, found: Found): void {
  const key = JSON.stringify([hostname, options])
  const others = waiting.get(key)
  if (others !== undefined) {
    others.push(found)
    return
  }
  const all = [found]
  waiting.set(key, all)
  lookup(hostname, options, (error, addresses) => {
    waiting.delete(key)
    for (const one of all) one(error, addresses)
  })
}

/** Call it before the socket has resolved the name: Node connects to no address of a socket that was destroyed meanwhile. */
export function guardSocket(socket: Socket, guard: AddressGuard): void {
  socket.on('lookup', (_error: Error | null, address: string | undefined) => {
    const refused = address === undefined ? undefined : guard(address)
    if (refused !== undefined) socket.destroy(refused)
  })
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

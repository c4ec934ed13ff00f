// An answer that is none of the cloud that was asked: of a web server, a console, a proxy, a login page of the network. What the
// library of a vendor makes of it says nothing to anybody.

import { STATUS_CODES } from 'node:http'
import { FeedError } from '../../../errors/feed-error.ts'

/** What should answer. */
export interface FarEnd {
  /** The place of the sink in messages. */
  readonly name: string
  /** Whose protocol it speaks: `S3`. */
  readonly whose: string
  readonly host: string
  readonly port: number
  readonly isTls: boolean
  /** What names the address; undefined: the address is that of the vendor. */
  readonly namedBy: string | undefined
}

export interface ForeignHead {
  /** Undefined: it is not known any more. */
  readonly status?: number | undefined
  readonly contentType?: string | null | undefined
}

/** A client throws it when an answer lacks what the far end always says. */
export class ForeignAnswer extends Error {
  readonly head: ForeignHead

  constructor(head: ForeignHead) {
    super('the answer is none of the far end')
    this.head = head
  }
}

export function foreignAnswer(farEnd: FarEnd, { status, contentType }: ForeignHead): FeedError {
  const { name, whose } = farEnd
  const what = [
    ...(status === undefined ? [] : [`${status} ${STATUS_CODES[status] ?? ''}`.trim()]),
    ...(/^[\w.+-]+\/[\w.+-]+/.exec(contentType ?? '') ?? []),
  ].join(', ')
  const shown = what === '' ? '' : `: ${what}`
  return new FeedError('FEED_SINK', `${name}: the answer of ${at(farEnd)} does not look like one of ${whose}${shown}`, {
    hint: hintOf(farEnd, status),
  })
}

/** The far end has answered with what is no HTTP. */
export function noHttp(farEnd: FarEnd): FeedError {
  return new FeedError('FEED_SINK', `${farEnd.name}: what answers at ${at(farEnd)} does not speak HTTP`, {
    hint: farEnd.isTls ? 'check host and port' : `check host and port; ${tlsHint}`,
  })
}

const tlsHint = 'the service may want TLS on this port: write https in place of http'

function at({ host, port }: FarEnd): string {
  return `${host}:${port}`
}

function hintOf({ whose, namedBy, isTls }: FarEnd, status: number | undefined): string {
  // What many servers say when they are asked without TLS.
  if (status === 400 && !isTls) return tlsHint
  if (namedBy === undefined) return 'a proxy or a login page of the network may have answered in its place'
  return `${namedBy} names the host and the port of a service that speaks the protocol of ${whose}; a web server, the console of the service or a proxy may be at this one`
}

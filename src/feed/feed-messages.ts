// What the control plane and a feed worker say to each other.

import type { FeedSpec } from '../core/feed-spec.ts'
import type { Hlc } from '../core/hlc.ts'
import type { WireError } from '../errors/feed-error.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import type { FeedProgress } from './run-feed.ts'

export interface FeedStart {
  readonly spec: FeedSpec
  /** Folder and shared head of the changelog. */
  readonly logDir: string
  readonly logHead: SharedArrayBuffer
  readonly source: SourceConnection
  readonly startPosition: number
  readonly startTime: Hlc
}

export type ToFeedWorker =
  | { readonly tag: 'start'; readonly feed: number; readonly start: FeedStart }
  /** So many bytes of rows have been taken by the client. */
  | { readonly tag: 'credit'; readonly feed: number; readonly bytes: number }
  | { readonly tag: 'stop'; readonly feed: number }

export type FromFeedWorker =
  /** DataRow messages; the buffer is transferred. */
  | { readonly tag: 'rows'; readonly feed: number; readonly messages: Uint8Array<ArrayBuffer> }
  | { readonly tag: 'close-now'; readonly feed: number }
  | { readonly tag: 'progress'; readonly feed: number; readonly progress: FeedProgress }
  /** The feed is over; nothing of it is left. */
  | { readonly tag: 'ended'; readonly feed: number; readonly error: WireError | undefined }

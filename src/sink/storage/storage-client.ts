// The interface of a place for files: a folder, a bucket, a container, a web server. A client knows how bytes become an object;
// it knows nothing of rows, formats, names of files or retries. The sink (storage-sink.ts) calls it for one object at a time, apart
// from drafts.
//
// Whole: an object becomes visible when all of it is durable, and never before. What was begun and not completed stays invisible.
// Replacing: a name that exists is written over. So what failed, or may have arrived, is simply sent again.
// Retries: a client sends a request once. It says of an error whether the sink shall send the object again. The sink ends a call
// that takes too long by its signal.
// Memory: the bytes that a call was given may be read until it settles, and by a socket a little longer (`isDoneWithBytes`).

import type { FeedError } from '../../errors/feed-error.ts'
import type { SinkLog } from '../sink-facts.ts'

export interface StorageObject {
  /** The path below the place of the URI, without a slash in front: `2026-01-31/…-foo-1.ndjson`. Its characters are not escaped. */
  readonly name: string
  /** For far ends that store it: `application/x-ndjson`, `text/csv`, `application/json`, `application/octet-stream`. */
  readonly contentType: string
  /** For far ends that store it; undefined: the bytes are not compressed. */
  readonly contentEncoding?: 'gzip' | 'zstd' | undefined
}

export interface StorageClient extends AsyncDisposable {
  /** The place in messages, without secrets: `s3://bucket/path`. */
  readonly name: string
  /**
   * Parts of an upload have at least this size, except the last. The sink gives larger ones. A client whose far end takes the
   * same size of all parts but the last cuts what it is given.
   */
  readonly minPartBytes: number
  /**
   * Nothing reads the bytes of a call any more when it has succeeded. A socket may: a far end can answer before it has read a body,
   * and memory that was freed or filled again would be sent to it.
   */
  readonly isDoneWithBytes?: true
  /** Writes a whole object, whose bytes are the pieces one after the other. A client may send large ones in parts, several at a time. */
  put(object: StorageObject, pieces: readonly Uint8Array[], signal: AbortSignal): Promise<void>
  /**
   * Makes a whole object durable that is not visible yet. Several may be on their way; the sink publishes them one after the other. What
   * fails is put, with its retries. Without it objects are only put, one at a time.
   */
  draft?(object: StorageObject, pieces: readonly Uint8Array[], signal: AbortSignal): Promise<StorageDraft>
  /** Makes durable that drafts were published. */
  settle?(signal: AbortSignal): Promise<void>
  /** Begins an object whose bytes are not all known yet. */
  begin(object: StorageObject, signal: AbortSignal): Promise<StorageUpload>
  /** Says what the sink does about an error that a call has thrown. */
  trouble(error: unknown): StorageTrouble
  /** Fetches new credentials, after `expired`. Without it `expired` is as `failed`. */
  renew?(signal: AbortSignal): Promise<void>
  /** Checks, before a job is created, what can be checked without writing: the address, the credentials, that the bucket exists. */
  check?(signal: AbortSignal): Promise<void>
}

/** An object that is durable and not visible. One of the two is called, and once. */
export interface StorageDraft {
  /** Makes the object visible. That is durable after the next `settle`. */
  publish(signal: AbortSignal): Promise<void>
  /** Removes the object. Must not throw. */
  discard(): Promise<void>
}

/** An object that is written in parts. One call at a time. A call that has thrown may be repeated. */
export interface StorageUpload {
  /** Appends a part. `signal` ends the request. */
  write(part: Uint8Array, signal: AbortSignal): Promise<void>
  /** Makes the object durable and visible. */
  complete(signal: AbortSignal): Promise<void>
  /** Removes the parts. Called when nobody will complete the upload; must not throw. */
  abort(): Promise<void>
}

export interface StorageTrouble {
  /**
   * `failed`: the same request may succeed later: time-outs, resets, 5xx, 429, 408.
   * `expired`: it may succeed with new credentials.
   * `refused`: no later attempt can succeed, until somebody changes something: the sink fails at once.
   */
  readonly tag: 'failed' | 'expired' | 'refused'
  /** FEED_SINK, or FEED_CREDENTIALS to pause the job. Has the answer of the far end and no secret. */
  readonly error: FeedError
  /** The far end asks to wait so long before the next request (Retry-After). */
  readonly pauseMs?: number | undefined
}

/** What a client is opened with. */
export interface StorageOpening {
  readonly log: SinkLog
  /** Aborts when nobody needs the client any more. */
  readonly signal: AbortSignal
  /** The feed for which the client will write; only one client at a time does. Undefined: it is only asked whether it could be opened. */
  readonly feed: string | undefined
  /** changefeed.sink.allowed_hosts, for hosts that the client learns of later. */
  readonly allowedHosts: readonly string[] | undefined
  /** changefeed.sink.metadata_services.enabled, for addresses that the client learns of later. */
  readonly mayReachMetadata: boolean
  /** cloudstorage.gs.default.key; undefined: it is empty. */
  readonly defaultKey: string | undefined
  /** cloudstorage.http.custom_ca; undefined: it is empty. */
  readonly customCa: string | undefined
  /** The folder of nodelocal:// files; undefined: the server has none. */
  readonly externDir: string | undefined
}

// Encrypts the sink and the schema registry of a job's payload with AES-256-GCM before it is written into the table of jobs, with a key that PostgreSQL
// does not have. Therefore dumps, backups, replicas and readers of the table contain no password. The id of the job is
// authenticated as well, so that an encrypted sink cannot be copied into the row of another job, or be taken for a registry.

import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { FeedError } from '../errors/feed-error.ts'
import type { RegistrySpec, SinkSpec } from '../core/feed-spec.ts'
import { fromJson, toJson } from './job-json.ts'

const algorithm = 'aes-256-gcm'
const keyBytes = 32
const ivBytes = 12
const tagBytes = 16

/** What the table contains in place of a sink or a registry. */
export interface Sealed {
  readonly tag: 'sealed'
  /** The base64 text of initialization vector, authentication tag and encrypted JSON. */
  readonly text: string
  /** Identifies the key; undefined in what an earlier version has written. */
  readonly key?: string
}

/** A sink that has nothing but its name, with the key of the store that the job belongs to. Earlier versions did not write the key. */
export type Named = SinkSpec & { readonly key?: string }

export function isSealed(sink: SinkSpec | Sealed): sink is Sealed {
  return sink.tag === 'sealed'
}

/**
 * A condition in SQL over a row of the table of jobs: the payload was written with this key, or by an earlier version that did not say
 * with which. `key` is an expression of the id of the key, or of NULL for any key.
 */
export function isSealedWith(key: string): string {
  const of = (member: string): string => `payload::jsonb #>> '{spec,${member},key}'`
  return `(${key}::text IS NULL OR coalesce(${of('sink')}, ${of('registry')}, ${key}) = ${key})`
}

const keyIdBytes = 8

export class PayloadSeal {
  readonly #key: Buffer
  readonly #from: string
  /** Tells this key from others, and nothing of the key. */
  readonly keyId: string

  /** `from` is the path of the key, for errors. */
  constructor(key: Buffer, from: string) {
    this.#key = key
    this.#from = from
    this.keyId = createHash('sha256')
      .update(key)
      .digest('hex')
      .slice(0, 2 * keyIdBytes)
  }

  /** Reads the key of a store, or creates it if the store has none; only the owner of the file can read it. */
  static open(path: string): PayloadSeal {
    const key = readKey(path) ?? makeKey(path)
    if (key.length !== keyBytes) {
      throw new FeedError(
        'FEED_START',
        `the key file ${path} is damaged: it has ${key.length} bytes, not ${keyBytes}`,
        {
          hint: 'restore it from a backup; without it jobs with credentials have to be created again',
        },
      )
    }
    return new PayloadSeal(key, path)
  }

  /** A sink of which there is nothing to hide is not encrypted. */
  seal(sink: SinkSpec, job: string): Named | Sealed {
    return Object.keys(sink).length > 1 ? this.#encrypt(sink, job) : { ...sink, key: this.keyId }
  }

  /** Decrypts a sink. A sink that an earlier version wrote in plain text is returned unchanged. */
  unseal(sink: Named | Sealed, job: string): SinkSpec {
    if (isSealed(sink)) return this.#decrypt<SinkSpec>(sink, job, `the sink of job ${job}`)
    const { key: _, ...plain } = sink
    return plain
  }

  sealRegistry(registry: RegistrySpec, job: string): Sealed {
    return this.#encrypt(registry, registryOf(job))
  }

  unsealRegistry(registry: Sealed, job: string): RegistrySpec {
    return this.#decrypt<RegistrySpec>(registry, registryOf(job), `the schema registry of job ${job}`)
  }

  /** `name` is authenticated. */
  #encrypt(value: object, name: string): Sealed {
    const iv = randomBytes(ivBytes)
    const cipher = createCipheriv(algorithm, this.#key, iv).setAAD(Buffer.from(name))
    const encrypted = Buffer.concat([cipher.update(toJson(value), 'utf8'), cipher.final()])
    const text = Buffer.concat([iv, cipher.getAuthTag(), encrypted]).toString('base64')
    return { tag: 'sealed', text, key: this.keyId }
  }

  #decrypt<Value>({ text }: Sealed, name: string, what: string): Value {
    try {
      const bytes = Buffer.from(text, 'base64')
      const decipher = createDecipheriv(algorithm, this.#key, bytes.subarray(0, ivBytes))
      decipher.setAAD(Buffer.from(name)).setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes))
      const plain = Buffer.concat([decipher.update(bytes.subarray(ivBytes + tagBytes)), decipher.final()])
      return fromJson<Value>(plain.toString())
    } catch {
      throw new FeedError('FEED_SECRET', `${what} cannot be decrypted with the key in ${this.#from}`, {
        hint: 'put the key file back that the job was created with and RESUME it, or create it again from its high-water mark',
      })
    }
  }
}

function registryOf(job: string): string {
  return `${job} registry`
}

function readKey(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Creates the file as a whole or not at all, even if the machine stops meanwhile. */
function makeKey(path: string): Buffer {
  const key = randomBytes(keyBytes)
  const file = openSync(`${path}.new`, 'w', 0o600)
  try {
    writeSync(file, key)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(`${path}.new`, path)
  return key
}

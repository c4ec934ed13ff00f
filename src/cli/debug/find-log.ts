// Finds the changelog of a database in a store. The store is only read: no lock is taken, and a server may run on it.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { commandName, shellWord } from '../../core/command-line.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { labelFile } from '../../changelog/files/keep-files.ts'
import { ownerOf } from '../../postgres/embedded/store-lock.ts'

export interface FoundLog {
  readonly dir: string
  readonly oid: string
  /** The name that the database had when ingest last started; undefined: the name cannot be read. */
  readonly database: string | undefined
  /** The process of the server that runs on the store; undefined: no server runs. */
  readonly server: number | undefined
}

/** Finds a log by `wanted`, the name or oid of its database; undefined: the store must have only one log. */
export function findLog(storeDir: string, wanted: string | undefined): FoundLog {
  const root = join(storeDir, 'changelog')
  if (!existsSync(root)) {
    const message = existsSync(storeDir) ? `${storeDir} is no store` : `there is no store ${storeDir}`
    throw new FeedError('FEED_START', `${message}: it has no folder "changelog"`, {
      hint: 'name the store with --store',
    })
  }
  const logs = readdirSync(root).flatMap((oid) => (/^\d+$/.test(oid) ? [{ oid, ...labelOf(join(root, oid)) }] : []))
  const fitting = logs.filter(({ oid, database }) => wanted === undefined || oid === wanted || database === wanted)
  const [found, another] = fitting
  if (found === undefined || another !== undefined) throw notOne(storeDir, wanted, logs.map(nameOf))
  return { ...found, dir: join(root, found.oid), server: ownerOf(storeDir) }
}

function nameOf({ oid, database }: { readonly oid: string; readonly database: string | undefined }): string {
  return database ?? oid
}

function notOne(storeDir: string, wanted: string | undefined, names: readonly string[]): FeedError {
  const [first] = names
  if (first === undefined) {
    return new FeedError('FEED_NO_DATABASE', `the store ${storeDir} holds no changelog`, {
      hint: 'the changelog of a database begins with its first changefeed',
    })
  }
  const command = `${commandName()} debug log --store=${shellWord(storeDir)} ${shellWord(first)}`
  const hint = `there is one of: ${names.join(', ')}. For example: ${command}`
  if (wanted === undefined)
    return new FeedError('FEED_NO_DATABASE', `the store ${storeDir} holds ${names.length} changelogs`, { hint })
  return new FeedError('FEED_NO_DATABASE', `the store ${storeDir} holds no changelog of database "${wanted}"`, { hint })
}

function labelOf(dir: string): { readonly database: string | undefined } {
  try {
    const label = JSON.parse(readFileSync(join(dir, labelFile), 'utf8')) as { readonly database?: unknown }
    return { database: typeof label.database === 'string' ? label.database : undefined }
  } catch {
    // The file is damaged, or not written yet.
    return { database: undefined }
  }
}

// Finds the password of a login when the server asks for it. Files are read each time, so that a changed password needs no restart.

import { readFile, stat } from 'node:fs/promises'
import { FeedError } from '../../errors/feed-error.ts'
import type { PasswordSource } from '../source-connection.ts'
import { findPassword, type LoginTarget } from './passfile.ts'

const passwordState = '28P01'
const asksForPassword = 'the server asks for a password'

/** Throws FEED_SOURCE_REFUSED, which says where the password was looked for. */
export async function readPassword(source: PasswordSource | undefined, target: LoginTarget): Promise<string> {
  switch (source?.tag) {
    case 'text':
      return source.text
    case 'file': {
      const [first = ''] = (await read(source.path)).split(/\r?\n/, 1)
      if (first === '') throw missing(target, `the first line of ${source.path} is empty`)
      return first
    }
    case 'passfile': {
      const { path } = source
      const facts = await stat(path).catch(() => undefined)
      if (facts === undefined) throw missing(target, `there is no ${path}`)
      if (!facts.isFile()) throw missing(target, `${path} is not a plain file`)
      // PostgreSQL's own programs ignore such a file, too.
      if ((facts.mode & 0o077) !== 0)
        throw missing(target, `${path} can be read by others, so it is not used`, `chmod 0600 ${path}`)
      const found = findPassword(await read(path), target)
      if (found === undefined || found === '')
        throw missing(target, `no line of ${path} is for this server, database and role`)
      return found
    }
    case undefined:
      throw missing(target, 'none was given')
  }
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new FeedError('FEED_SOURCE_REFUSED', `the password file cannot be read: ${(error as Error).message}`, {
      sqlstate: passwordState,
      cause: error,
    })
  }
}

/** Whether nobody has given a password that the server asks for. */
export function isPasswordMissing({ sqlstate, message }: FeedError): boolean {
  return sqlstate === passwordState && message.startsWith(asksForPassword)
}

function missing({ user }: LoginTarget, why: string, hint?: string): FeedError {
  return new FeedError('FEED_SOURCE_REFUSED', `${asksForPassword} of role "${user}", and ${why}`, {
    sqlstate: passwordState,
    hint: hint ?? 'give it with --password-file, PGPASSWORD or ~/.pgpass',
  })
}

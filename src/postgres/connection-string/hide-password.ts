// A password in an argument of a command can be read by every user of the machine, with ps.

import { FeedError } from '../../errors/feed-error.ts'
import { parseText } from './read-server.ts'

/** What a command prints when a connection string on its command line contains a password; undefined: it contains none. */
export function passwordWarning(text: string, flag: string): string | undefined {
  if (!isWithPassword(text)) return undefined
  return `${flag} contains a password, which every user of this machine can read while the program starts (ps shows it)
and which shells keep in their history. Use --password-file=FILE, the variable PGPASSWORD or ~/.pgpass instead.`
}

/**
 * Takes the connection string out of what ps shows from now on. Where `argv` is the same for a child, start the child
 * with the string in its environment.
 */
export function hideFromPs(text: string): void {
  if (!isWithPassword(text)) return
  process.title = [process.argv0, ...process.argv.slice(1)].join(' ').replaceAll(text, '(hidden)')
}

function isWithPassword(text: string): boolean {
  try {
    const parameters = parseText(text)
    return parameters.has('password') || parameters.has('sslpassword')
  } catch (error) {
    if (error instanceof FeedError) return false
    throw error
  }
}

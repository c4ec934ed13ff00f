// Takes passwords in connection strings out of what ps shows, and warns of them.

import { hideFromPs, passwordWarning } from '../postgres/connection-string/hide-password.ts'

/** By the names of the flags. */
export function hideUrls(urls: Readonly<Record<string, string | undefined>>): void {
  for (const [flag, text] of Object.entries(urls)) {
    if (text === undefined) continue
    const warning = passwordWarning(text, flag)
    hideFromPs(text)
    if (warning !== undefined) process.stderr.write(`WARNING: ${warning}\n\n`)
  }
}

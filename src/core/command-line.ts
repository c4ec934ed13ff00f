// How the user calls this program. Messages that name a command use it, so that a copied command works.

/** Returns `npx changefeed` if npm started the program, because `changefeed` is not on the path then; otherwise `changefeed`. */
export function commandName(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return env['npm_command'] === undefined && env['npm_lifecycle_event'] === undefined ? 'changefeed' : 'npx changefeed'
}

/** Quotes a word for a POSIX shell if it contains a blank or another character that is special in a shell. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

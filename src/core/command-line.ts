// How the user calls this program, for messages that name a command to run: one that is copied from a message must work.

/** `npx changefeed` for whoever started it through npm, where no `changefeed` is on the path; else `changefeed`. */
export function commandName(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return env['npm_command'] === undefined && env['npm_lifecycle_event'] === undefined ? 'changefeed' : 'npx changefeed'
}

/** A word as a POSIX shell reads it back: quoted when it holds a blank or anything the shell would take apart. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

// The format of ~/.pgpass: a line for each server, `host:port:database:user:password`. `*` matches everything, and a backslash takes the next
// character as it is. The first line that matches counts.

/** What a password is asked for. */
export interface LoginTarget {
  /** Host as it was given; `localhost` for a unix socket in the default folder. */
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
}

/** Returns undefined if no line matches. */
export function findPassword(text: string, { host, port, database, user }: LoginTarget): string | undefined {
  const wanted = [host, String(port), database, user]
  for (const line of text.split(/\r?\n/)) {
    if (line === '' || line.startsWith('#')) continue
    const fields = [...line.matchAll(/((?:\\.|[^:\\])*)(?::|$)/gs)].map(([, field = '']) => field)
    const start = fields.slice(0, 4)
    const matches = start.length === 4 && start.every((field, i) => field === '*' || unescape(field) === wanted[i])
    if (!matches) continue
    // A password may contain colons that are not escaped.
    const at = start.reduce((sum, field) => sum + field.length + 1, 0)
    return unescape(line.slice(at))
  }
  return undefined
}

function unescape(text: string): string {
  return text.replace(/\\(.)/gs, '$1')
}

// The parameters of a connection URL, as libpq reads it:
//
//   postgresql://[user[:password]@][host[:port],…][/database][?name=value[&…]]

import { FeedError } from '../../errors/feed-error.ts'

/** Whether a text is meant as a URL of PostgreSQL. */
export function isUrl(text: string): boolean {
  return /^postgres(?:ql)?:\/\//.test(text)
}

/** Throws FEED_OPTION, with no part of the URL in the message: any part may be the password. */
export function parseUrl(text: string): Map<string, string> {
  const found = new Map<string, string>()
  let rest = text.slice(text.indexOf('//') + 2)
  const login = /^([^@/]*)@/.exec(rest)
  if (login !== null) {
    rest = rest.slice(login[0].length)
    const [, user = '', password] = /^([^:]*)(?::(.*))?$/s.exec(login[1] ?? '') ?? []
    if (user !== '') found.set('user', decode(user, 'the user'))
    if (password !== undefined && password !== '') found.set('password', decode(password, 'the password'))
  }
  const [hosts = '', database, query] = split(rest)
  // libpq takes what follows for a host or a database, and its messages then show a part of the password: p@X, p/X, p@X/Y.
  if (hosts.includes('@') || database?.includes('@') === true) {
    throw wrong(
      'the connection URL contains "@" in a place where no login ends',
      'write %40 for "@" and %2F for "/" in a password',
    )
  }
  readHosts(hosts, found)
  if (database !== undefined && database !== '') found.set('dbname', decode(database, 'the database'))
  if (query !== undefined) readQuery(query, found)
  return found
}

/** The hosts, what follows `/`, and what follows `?`. */
function split(rest: string): [hosts: string, database: string | undefined, query: string | undefined] {
  const [, hosts = '', database, query] = /^([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(rest) ?? []
  return [hosts, database, query]
}

function readHosts(text: string, found: Map<string, string>): void {
  const hosts: string[] = []
  const ports: string[] = []
  for (const one of text.split(',')) {
    const match = /^(?:\[([^\]]+)\]|([^:[\]]*))(?::(.*))?$/s.exec(one)
    if (match === null) {
      throw wrong(
        `host ${hosts.length + 1} of the connection URL is none`,
        'write IPv6 addresses in brackets: [::1]:5432',
      )
    }
    const [, ip, name = '', port = ''] = match
    hosts.push(decode(ip ?? name, 'the host'))
    ports.push(decode(port, 'the port'))
  }
  if (hosts.some((host) => host !== '')) found.set('host', hosts.join(','))
  if (ports.some((port) => port !== '')) found.set('port', ports.join(','))
}

function readQuery(query: string, found: Map<string, string>): void {
  if (query === '') return
  for (const pair of query.split('&')) {
    const [name = '', value, ...more] = pair.split('=')
    const key = decode(name, 'the name of a parameter')
    if (value === undefined) throw wrong(`parameter ${shown(key)} of the connection URL has no value`)
    if (more.length > 0) {
      throw wrong(`parameter ${shown(key)} of the connection URL contains a second "="`, 'write %3D for "=" in a value')
    }
    // JDBC's parameter, which libpq takes as well.
    if (key === 'ssl' && value === 'true') found.set('sslmode', 'require')
    else found.set(key, decode(value, `parameter ${shown(key)}`))
  }
}

function decode(text: string, what: string): string {
  if (/%(?![\da-f]{2})/i.test(text) || /%00/.test(text)) {
    throw wrong(
      `${what} of the connection URL contains a "%" that does not begin the code of a character`,
      'write %25 for "%", %40 for "@", %2F for "/", %3A for ":"',
    )
  }
  try {
    return decodeURIComponent(text)
  } catch {
    throw wrong(`${what} of the connection URL contains codes that are no UTF-8`)
  }
}

/** A name, unless it looks as if a value had slipped into its place. */
function shown(name: string): string {
  return /^\w{1,40}$/.test(name) ? name : '(a name that is none)'
}

function wrong(message: string, hint?: string): FeedError {
  return new FeedError('FEED_OPTION', message, { hint })
}

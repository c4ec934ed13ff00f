// Every parameter of a connection that libpq knows (PostgreSQL 18), with its variable. docs/reference/connecting.md says what each does.

import { nearestName } from '../../core/nearest-name.ts'
import { FeedError } from '../../errors/feed-error.ts'

/** Parameters that we honour, and their variables. */
const honoured = {
  host: 'PGHOST',
  hostaddr: 'PGHOSTADDR',
  port: 'PGPORT',
  dbname: 'PGDATABASE',
  user: 'PGUSER',
  password: 'PGPASSWORD',
  passfile: 'PGPASSFILE',
  service: 'PGSERVICE',
  servicefile: 'PGSERVICEFILE',
  target_session_attrs: 'PGTARGETSESSIONATTRS',
  load_balance_hosts: 'PGLOADBALANCEHOSTS',
  connect_timeout: 'PGCONNECT_TIMEOUT',
  application_name: 'PGAPPNAME',
  fallback_application_name: undefined,
  options: 'PGOPTIONS',
  keepalives: undefined,
  keepalives_idle: undefined,
  keepalives_interval: undefined,
  keepalives_count: undefined,
  channel_binding: 'PGCHANNELBINDING',
  require_auth: 'PGREQUIREAUTH',
  sslmode: 'PGSSLMODE',
  requiressl: 'PGREQUIRESSL',
  sslnegotiation: 'PGSSLNEGOTIATION',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  sslpassword: undefined,
  sslcertmode: 'PGSSLCERTMODE',
  sslcrl: 'PGSSLCRL',
  sslcrldir: 'PGSSLCRLDIR',
  sslsni: 'PGSSLSNI',
  ssl_min_protocol_version: 'PGSSLMINPROTOCOLVERSION',
  ssl_max_protocol_version: 'PGSSLMAXPROTOCOLVERSION',
} as const

interface Limited {
  readonly variable?: string
  /** The values that ask for nothing but what we do anyway. */
  readonly accepts: RegExp
  readonly why: string
}

const gss = 'GSSAPI is not supported'
const oauth = 'OAuth is not supported'

/** Parameters of which we honour only some values; any other one is an error. */
const limited: Readonly<Record<string, Limited>> = {
  gssencmode: { variable: 'PGGSSENCMODE', accepts: /^(?:disable|prefer)$/, why: gss },
  krbsrvname: { accepts: /^postgres$/, why: gss },
  gsslib: { accepts: /^$/, why: gss },
  gssdelegation: { accepts: /^0?$/, why: gss },
  requirepeer: { variable: 'PGREQUIREPEER', accepts: /^$/, why: 'the owner of a socket cannot be asked for here' },
  sslcompression: { variable: 'PGSSLCOMPRESSION', accepts: /^0?$/, why: 'compression of TLS is unsafe, and off' },
  sslkeylogfile: { accepts: /^$/, why: 'keys of connections are written nowhere' },
  client_encoding: { accepts: /^(?:utf-?8|unicode)$/i, why: 'rows are always read as UTF8' },
  tcp_user_timeout: { accepts: /^0?$/, why: 'it cannot be set here; keepalives_idle, _interval and _count can' },
  replication: { accepts: /^$/, why: 'pg-changefeed decides itself which connections replicate' },
  min_protocol_version: { variable: 'PGMINPROTOCOLVERSION', accepts: /^3\.0$/, why: 'connections use protocol 3.0' },
  max_protocol_version: {
    variable: 'PGMAXPROTOCOLVERSION',
    accepts: /^(?:3\.0|3\.2|latest)$/,
    why: 'connections use protocol 3.0',
  },
  scram_client_key: { accepts: /^$/, why: 'give the password' },
  scram_server_key: { accepts: /^$/, why: 'give the password' },
  oauth_issuer: { accepts: /^$/, why: oauth },
  oauth_client_id: { accepts: /^$/, why: oauth },
  oauth_client_secret: { accepts: /^$/, why: oauth },
  oauth_scope: { accepts: /^$/, why: oauth },
}

export type ParameterName = keyof typeof honoured
export type Parameters = ReadonlyMap<ParameterName, string>

/** Takes the parameters that have an effect; throws FEED_OPTION for those that we do not know or cannot honour. */
export function checkNames(given: ReadonlyMap<string, string>, where: string): Parameters {
  const found = new Map<ParameterName, string>()
  for (const [name, value] of given) {
    const limit = limited[name]
    if (limit !== undefined) checkLimit(name, value, limit)
    else if (isHonoured(name)) found.set(name, value)
    else throw unknown(name, where)
  }
  return found
}

/** The parameters that the environment sets. An empty variable is as good as none. */
export function ofEnvironment(environment: NodeJS.ProcessEnv): Parameters {
  for (const limit of Object.values(limited)) {
    const value = limit.variable === undefined ? undefined : environment[limit.variable]
    if (value !== undefined && value !== '') checkLimit(limit.variable ?? '', value, limit)
  }
  const found = new Map<ParameterName, string>()
  for (const [name, variable] of Object.entries(honoured)) {
    const value = variable === undefined ? undefined : environment[variable]
    if (value !== undefined && value !== '') found.set(name as ParameterName, value)
  }
  return found
}

function isHonoured(name: string): name is ParameterName {
  return Object.hasOwn(honoured, name)
}

function checkLimit(name: string, value: string, { accepts, why }: Limited): void {
  if (value === '' || accepts.test(value)) return
  throw new FeedError('FEED_OPTION', `${name} cannot have this value: ${why}`, { hint: `leave ${name} out` })
}

function unknown(name: string, where: string): FeedError {
  if (!/^\w{1,40}$/.test(name)) return new FeedError('FEED_OPTION', `${where} contains a parameter whose name is none`)
  const meant = nearestName(name, Object.keys(honoured))
  return new FeedError('FEED_OPTION', `${where} has a parameter that does not exist: ${name}`, {
    hint: meant === undefined ? 'docs/reference/connecting.md lists all parameters' : `did you mean ${meant}?`,
  })
}

// Who may come in where SQL listens: the flags for TLS, and what they and --insecure allow.

import { FrontTls } from '../pg-server/front-tls.ts'
import { defaultLimits } from '../pg-server/login-slots.ts'
import type { FrontDoor } from '../server/serve.ts'
import type { Address } from './address.ts'
import { isOnlyOurs } from '../core/loopback.ts'
import { UsageError } from './usage-error.ts'

export const doorHelp = `  --tls-cert=FILE             PEM: the certificate of this server, followed by those of its authorities; clients may then use TLS, and those
                              of other machines must. SIGHUP reads the files again
  --tls-key=FILE              PEM: the key of --tls-cert
  --tls-client-ca=FILE        PEM: clients that use TLS must show a certificate that one of these authorities has signed
  --insecure                  clients of other machines need no TLS, and everybody is let in of whom PostgreSQL asks nothing
`

export const doorFlags = {
  insecure: { type: 'boolean' },
  'tls-cert': { type: 'string' },
  'tls-key': { type: 'string' },
  'tls-client-ca': { type: 'string' },
} as const

export type DoorFlagValues = { readonly [Name in Exclude<keyof typeof doorFlags, 'insecure'>]?: string | undefined } & {
  readonly insecure?: boolean | undefined
}

export interface OpenedDoor {
  readonly door: FrontDoor
  readonly warning: string | undefined
}

/** Throws for flags that do not go together, files that cannot be used, and an address that needs TLS or --insecure. */
export async function openDoor(values: DoorFlagValues, { host }: Address): Promise<OpenedDoor> {
  const tls = readTls(values)
  const isInsecure = values.insecure === true
  const isOurs = await isOnlyOurs(host)
  if (!isOurs && tls === undefined && !isInsecure) {
    throw new UsageError(
      `--listen-addr=${host} can be reached by other machines, and connections to it are not encrypted`,
      'name a certificate with --tls-cert and --tls-key, listen on localhost, or add --insecure if that is meant',
    )
  }
  const logins = { isInsecure, limits: defaultLimits }
  const warnings = [tls?.expiry(), isOurs || !isInsecure ? undefined : openWarning(host)]
  const warning = warnings.filter((text) => text !== undefined).join('\n\n')
  return { door: { tls, logins }, warning: warning === '' ? undefined : warning }
}

function readTls(values: DoorFlagValues): FrontTls | undefined {
  const { 'tls-cert': cert, 'tls-key': key, 'tls-client-ca': clientCa } = values
  if (cert === undefined && key === undefined && clientCa === undefined) return undefined
  if (cert === undefined || key === undefined) {
    const [there, missing] = cert === undefined ? [key === undefined ? 'client-ca' : 'key', 'cert'] : ['cert', 'key']
    throw new UsageError(`--tls-${there} needs --tls-${missing}`, 'TLS needs --tls-cert and --tls-key')
  }
  return FrontTls.open({ cert, key, clientCa })
}

function openWarning(host: string): string {
  return `This server runs with --insecure and listens on ${host}.
- Whoever listens on the network can read and change what goes to it and comes from it, unless the client uses TLS.
- Where pg_hba.conf of PostgreSQL trusts the address of this server, any client is let in, as any user, without a password.

Listen on localhost, or keep the port behind a firewall.`
}

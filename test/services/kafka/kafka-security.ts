// Certificates and users of a broker under test, made for it alone and gone with its folder.

import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface KafkaSecurity {
  readonly user: string
  readonly password: string
  /** The key of the shared access policy `send`, as a namespace of Event Hubs that is called localhost would have it. */
  readonly accessKey: string
  /** PEM texts. */
  readonly ca: string
  readonly clientCert: string
  readonly clientKey: string
  /** Lines of server.properties. */
  readonly properties: readonly string[]
  /** Arguments of the storage tool. */
  readonly formatArgs: readonly string[]
}

/** `serverDays`: how long the certificate of the broker is valid; negative: it has run out. */
export function makeSecurity(dir: string, serverDays = 2): KafkaSecurity {
  const user = 'writer'
  const password = randomBytes(12).toString('hex')
  const accessKey = `+/${randomBytes(31).toString('base64')}`
  const connection = `Endpoint=sb://localhost/;SharedAccessKeyName=send;SharedAccessKey=${accessKey}`
  const path = (name: string): string => join(dir, name)
  openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=test authority',
    '-keyout',
    path('ca.key'),
    '-out',
    path('ca.pem'),
  )
  for (const name of ['server', 'client']) {
    writeFileSync(path(`${name}.ext`), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
    openssl(
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      path(`${name}.key`),
      '-out',
      path(`${name}.csr`),
    )
    openssl(
      'x509',
      '-req',
      '-days',
      name === 'server' ? String(serverDays) : '2',
      '-in',
      path(`${name}.csr`),
      '-CA',
      path('ca.pem'),
      '-CAkey',
      path('ca.key'),
      '-CAcreateserial',
      '-extfile',
      path(`${name}.ext`),
      '-out',
      path(`${name}.pem`),
    )
  }
  const read = (name: string): string => readFileSync(path(name), 'utf8')
  writeFileSync(path('keystore.pem'), read('server.key') + read('server.pem'))
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;'
  return {
    user,
    password,
    accessKey,
    ca: read('ca.pem'),
    clientCert: read('client.pem'),
    clientKey: read('client.key'),
    properties: [
      'ssl.keystore.type=PEM',
      `ssl.keystore.location=${path('keystore.pem')}`,
      'ssl.truststore.type=PEM',
      `ssl.truststore.location=${path('ca.pem')}`,
      'listener.name.ssl.ssl.client.auth=required',
      'sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512,PLAIN',
      `listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=${scram}`,
      `listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=${scram}`,
      `listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_${user}="${password}" user_$ConnectionString="${connection}";`,
    ],
    formatArgs: ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
      '--add-scram',
      `${mechanism}=[name=${user},password=${password}]`,
    ]),
  }
}

function openssl(...args: string[]): void {
  const { status, stderr, error } = spawnSync('openssl', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`openssl ${args[0]} failed: ${error?.message ?? stderr}`)
}

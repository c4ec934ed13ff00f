// Where the secrets of the URIs of object storage may be read afterwards: nowhere. The far ends, which are answered in the place of
// the vendors' hosts, repeat in their errors everything that they were sent.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { TestServer } from '../server/test-server.ts'
import { AnyHost, type HostRequest } from '../services/storage/any-host.ts'
import type { FrontAnswer } from '../services/storage/service-front.ts'
import { s3Taken } from '../services/storage/versitygw.ts'
import { until } from '../support/until.ts'

const withinMs = 60_000
const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})
const googleJson = JSON.stringify({ type: 'service_account', client_email: 'w@p.iam', private_key: privateKey })
const googleKey = Buffer.from(googleJson).toString('base64')
const issued = 'issued-Acc3ss-token'

interface Place {
  readonly name: string
  readonly uri: string
  readonly secrets: readonly string[]
}

const account = 'AZURE_ACCOUNT_NAME=acme'
const places: readonly Place[] = [
  {
    name: 'keyed',
    uri: `s3://lake/x?AWS_ACCESS_KEY_ID=AKIAID&AWS_SECRET_ACCESS_KEY=${encodeURIComponent('s3cret+Key/of')}&AWS_SESSION_TOKEN=${encodeURIComponent('s3ssion+Token/of')}`,
    secrets: ['s3cret+Key/of', 's3ssion+Token/of'],
  },
  {
    name: 'assumed',
    uri: `s3://lake/x?AWS_ACCESS_KEY_ID=AKIAID&AWS_SECRET_ACCESS_KEY=anotherSecr3t&ASSUME_ROLE=arn:aws:iam::1:role/r`,
    secrets: ['anotherSecr3t', issued, 'temporaryS3cret'],
  },
  {
    name: 'googled',
    uri: `gs://lake/x?AUTH=specified&CREDENTIALS=${encodeURIComponent(googleKey)}`,
    secrets: [googleKey, privateKey.split('\n')[3] ?? '', issued],
  },
  {
    name: 'with_account_key',
    uri: `azure-blob://lake/x?${account}&AZURE_ACCOUNT_KEY=${encodeURIComponent('YWNjb3VudCtrZXkvb2Y+Pz8=')}`,
    secrets: ['YWNjb3VudCtrZXkvb2Y+Pz8='],
  },
  {
    name: 'with_signature',
    uri: `azure-blob://lake/x?${account}&AZURE_SAS_TOKEN=${encodeURIComponent('sv=2026&sp=cw&sig=s1gnature%2Bof%2Fthis%3D')}`,
    secrets: ['s1gnature%2Bof%2Fthis%3D', 's1gnature+of/this='],
  },
  {
    name: 'of_tenant',
    uri: `azure-blob://lake/x?AUTH=specified&${account}&AZURE_CLIENT_ID=client&AZURE_CLIENT_SECRET=${encodeURIComponent('cl1ent~Secret+of')}&AZURE_TENANT_ID=t`,
    secrets: ['cl1ent~Secret+of', issued],
  },
]

/** Whether writing is refused, with all that was sent in the message. */
let isRefusing = false
/** Whether tokens are refused in the same way. */
let isIssuing = true

function answer(request: HostRequest): FrontAnswer {
  const { host, method, path, headers, body } = request
  const said = JSON.stringify([path, decodeURIComponent(path), headers, body]).replace(/[<>&]/g, ' ')
  const isToken = host.startsWith('login.') || host.startsWith('oauth2.') || host.startsWith('sts.')
  const refused = isToken ? !isIssuing : isRefusing && method !== 'GET'
  const json = (status: number, value: object): FrontAnswer => ({
    status,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(value),
  })
  const xml = (status: number, text: string): FrontAnswer => ({
    status,
    headers: { 'content-type': 'application/xml', 'x-ms-error-code': status < 300 ? '' : 'AuthorizationFailure' },
    body: text,
  })
  if (refused && host.includes('googleapis')) return json(403, { error: { code: 403, message: said } })
  if (refused && host.startsWith('login.')) return json(401, { error: 'invalid_client', error_description: said })
  if (refused) return xml(403, `<Error><Code>AccessDenied</Code><Message>${said}</Message></Error>`)
  if (host.startsWith('sts.')) {
    return xml(
      200,
      `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>TEMP</AccessKeyId><SecretAccessKey>temporaryS3cret</SecretAccessKey><SessionToken>${issued}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
    )
  }
  if (path.includes('openid-configuration')) {
    const tenant = `https://${host}/t`
    const token_endpoint = `${tenant}/oauth2/v2.0/token`
    return json(200, { token_endpoint, issuer: `${tenant}/v2.0`, authorization_endpoint: `${tenant}/authorize` })
  }
  if (isToken) return json(200, { access_token: issued, expires_in: 3600, ext_expires_in: 3600, token_type: 'Bearer' })
  if (host.includes('googleapis')) return json(200, { kind: 'storage#objects', name: 'x' })
  if (method === 'PUT')
    return host.includes('azure') || host.includes('windows') ? { ...s3Taken, status: 201 } : s3Taken
  return xml(
    200,
    host.includes('windows')
      ? '<EnumerationResults><Blobs></Blobs></EnumerationResults>'
      : '<ListBucketResult><Name>b</Name></ListBucketResult>',
  )
}

const variables = ['HTTPS_PROXY', 'NO_PROXY', 'NODE_EXTRA_CA_CERTS'] as const
let hosts: AnyHost
let server: TestServer
before(async () => {
  hosts = await AnyHost.start()
  hosts.answer = answer
  process.env['HTTPS_PROXY'] = hosts.url
  process.env['NO_PROXY'] = '127.0.0.1,localhost'
  process.env['NODE_EXTRA_CA_CERTS'] = hosts.trusted
  server = await TestServer.start({ flags: ['--log-level=debug'] })
})
after(async () => {
  for (const name of variables) delete process.env[name]
  await server?.[Symbol.asyncDispose]()
  await hosts?.[Symbol.asyncDispose]()
})

/** The text of all files below a folder. */
function textIn(folder: string): string {
  return (readdirSync(folder, { recursive: true }) as string[])
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, 'latin1'))
    .join('\n')
}

/** All rows of the state of the server, as a dump of its PostgreSQL has them. */
async function storedState(): Promise<string> {
  const { host, port } = server.postgresAddress
  const client = new pg.Client({ host, port, user: 'root', database: 'system' })
  await client.connect()
  try {
    const { rows } = await client.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    )
    const texts: string[] = []
    for (const { name } of rows) texts.push(JSON.stringify((await client.query(`SELECT * FROM ${name}`)).rows))
    return texts.join('\n')
  } finally {
    await client.end()
  }
}

async function everywhere(): Promise<Readonly<Record<string, string>>> {
  const rows = async (sql: string): Promise<string> => JSON.stringify(await server.sql(sql))
  return {
    jobs: await rows('SHOW JOBS'),
    internal: await rows('SELECT * FROM crdb_internal.jobs'),
    queries: await rows('SHOW QUERIES'),
    activity: await rows('SELECT * FROM pg_stat_activity'),
    state: await storedState(),
    logs: textIn(join(server.storeDir, 'logs')),
    'logs of PostgreSQL': textIn(join(server.storeDir, 'postgres', 'log')),
    output: server.output,
    metrics: await (await fetch(`http://127.0.0.1:${server.httpPort}/_status/vars`)).text(),
    processes: execFileSync('ps', ['-ax', '-o', 'args'], { encoding: 'utf8' }),
  }
}

async function nowhere(secrets: readonly string[], when: string): Promise<void> {
  for (const [place, text] of Object.entries(await everywhere())) {
    for (const secret of secrets.flatMap((own) => [own, encodeURIComponent(own)]))
      assert.equal(text.includes(secret), false, `${when}: ${secret} is in ${place}`)
  }
}

for (const { name, uri, secrets } of places) {
  test(`nobody reads a secret of ${name} afterwards`, { timeout: 400_000 }, async () => {
    isRefusing = false
    isIssuing = true
    await server.sql(`CREATE TABLE ${name} (a INT PRIMARY KEY); INSERT INTO ${name} VALUES (1)`)
    const statement = `CREATE CHANGEFEED FOR ${name} INTO '${uri}' WITH min_checkpoint_frequency = '100ms'`
    const [created] = await server.sql(statement)
    const id = String(created?.['job_id'])
    await nowhere(secrets, 'while it runs')
    isRefusing = true
    await server.sql(`INSERT INTO ${name} VALUES (2)`)
    await until('the job says that it is refused', withinMs, async () => {
      const [row] = await server.sql(`SELECT running_status FROM crdb_internal.jobs WHERE job_id = ${id}`)
      return /answered 403/.test(String(row?.['running_status'])) ? true : undefined
    })
    await nowhere(secrets, 'while it is refused')
    await server.sql(`CANCEL JOB ${id}`)
    isIssuing = false
    const error: unknown = await server.sql(statement).then(
      ([job]) => server.sql(`CANCEL JOB ${String(job?.['job_id'])}`),
      (thrown: unknown) => thrown,
    )
    const text = error instanceof Error ? JSON.stringify({ ...error, message: error.message }) : ''
    for (const secret of secrets) assert.equal(text.includes(secret), false, `${secret} is in an error`)
    await nowhere(secrets, 'when no token is issued')
  })
}

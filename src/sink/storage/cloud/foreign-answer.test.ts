// Something other than the cloud answers at its address: a web server, a console, a proxy, another protocol.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { test } from 'node:test'
import { thrownBy } from '../../../../test/services/storage/cloud-kit.ts'
import type { FeedError } from '../../../errors/feed-error.ts'
import { open as openAzure } from '../azure/open.ts'
import { open as openGs } from '../gs/open.ts'
import { open as openS3 } from '../s3/open.ts'
import type { StorageClient } from '../storage-client.ts'
import { HttpClient } from '../http/open.ts'

const { signal } = new AbortController()
const object = { name: 'a.ndjson', contentType: 'application/x-ndjson' }
const page = '<!DOCTYPE html><html><body><h1>It works &amp; more</h1><br></body></html>'
/** What the libraries of the vendors say of what they could not read. */
const insides =
  /Cannot read properties|\$metadata|\$response|XML|Deserialization|JSON|Parse Error|smithy|sdk|UnknownError|DOCTYPE|abort/

interface Answer {
  readonly status: number
  readonly type?: string
  readonly body?: string
}

async function listen<T extends Server>(server: T): Promise<T & AsyncDisposable> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return Object.assign(server, { [Symbol.asyncDispose]: async () => void server.close() })
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

function webServer({ status, type, body }: Answer): Promise<Server & AsyncDisposable> {
  const server = createHttpServer((request, response) => {
    request.resume().once('end', () => {
      response.writeHead(status, { connection: 'close', ...(type === undefined ? {} : { 'content-type': type }) })
      response.end(body)
    })
  })
  return listen(server)
}

/** A client of each cloud, all of which ask the same server. */
async function clients(url: string): Promise<readonly (readonly [whose: string, client: StorageClient])[]> {
  const opening = { allowedHosts: [], mayReachMetadata: false, log: () => undefined, defaultKey: undefined }
  const place = { bucket: 'files', folder: 'x' }
  const s3 = {
    ...place,
    tag: 's3',
    credentials: { tag: 'keys', id: 'id', secret: 's3cret-key' },
    roles: [],
    region: 'us-east-1',
    endpoint: url,
    isPathStyle: true,
  } as const
  const azure = {
    ...place,
    tag: 'azure',
    url: `${url}/acme`,
    account: 'acme',
    credentials: { tag: 'key', key: 'czNjcmV0' },
    authority: '',
  } as const
  process.env['STORAGE_EMULATOR_HOST'] = url
  const gs = { ...place, tag: 'gs', credentials: { key: { tag: 'implicit' }, assumeRoles: [] } } as const
  try {
    return [
      ['S3', await openS3(s3, opening)],
      ['Azure', await openAzure(azure, opening)],
      ['Google Cloud Storage', await openGs(gs, opening)],
    ]
  } finally {
    delete process.env['STORAGE_EMULATOR_HOST']
  }
}

const calls: Readonly<Record<string, (client: StorageClient) => Promise<void>>> = {
  check: async (client) => client.check?.(signal),
  put: (client) => client.put(object, [Buffer.from('rows')], signal),
  begin: async (client) => {
    const upload = await client.begin(object, signal)
    await upload.write(Buffer.alloc(300_000), signal)
    await upload.complete(signal)
  },
}

async function errorsOf(url: string, seen: (error: FeedError, whose: string, call: string) => void): Promise<void> {
  for (const [whose, client] of await clients(url)) {
    for (const [name, call] of Object.entries(calls)) {
      const { tag, error } = client.trouble(await thrownBy(call(client)))
      assert.equal(error.code, 'FEED_SINK')
      assert.ok(['failed', 'refused', 'expired'].includes(tag))
      assert.equal(error.cause, undefined)
      assert.doesNotMatch(`${error.message} ${error.hint}`, insides, `${whose} ${name}`)
      seen(error, whose, name)
    }
    await client[Symbol.asyncDispose]()
  }
}

test('what answers as no cloud does is named as that, with host and port, and never taken for a success', async () => {
  for (const answer of [
    { status: 200, type: 'text/html', body: page },
    { status: 200 },
    { status: 200, type: 'application/json', body: '{"ok":true}' },
    { status: 200, type: 'application/xml', body: '<?xml version="1.0"?><feed><a>1</a></feed>' },
    { status: 200, type: 'application/xml', body: '<a><b></a>' },
    { status: 201, type: 'application/json', body: '[]' },
    { status: 204 },
    { status: 301 },
    { status: 401, type: 'text/html', body: page },
    { status: 403, type: 'text/html', body: page },
    { status: 404, type: 'text/html', body: page },
    { status: 404, type: 'application/json', body: '{"detail":"Not Found"}' },
    { status: 405, body: 'no' },
    { status: 418 },
  ] satisfies readonly Answer[]) {
    await using server = await webServer(answer)
    const port = portOf(server)
    await errorsOf(`http://127.0.0.1:${port}`, ({ message, hint }, whose, call) => {
      const what = `${JSON.stringify(answer)} ${whose} ${call}`
      assert.match(
        message,
        new RegExp(`: the answer of 127\\.0\\.0\\.1:${port} does not look like one of ${whose}`),
        what,
      )
      assert.match(
        hint ?? '',
        /^(?:AWS_ENDPOINT|AZURE_ENDPOINT|STORAGE_EMULATOR_HOST) names the host and the port/,
        what,
      )
    })
  }
})

test('a page of what stands before a cloud in trouble is no answer of another server', async () => {
  await using server = await webServer({ status: 502, type: 'text/html', body: page })
  await errorsOf(`http://127.0.0.1:${portOf(server)}`, ({ message }) => assert.match(message, /: \w+ answered 502$/))
})

test('a service that wants TLS is named as that', async () => {
  const body = 'Client sent an HTTP request to an HTTPS server.'
  await using server = await webServer({ status: 400, type: 'text/plain', body })
  const wantsTls = /the service may want TLS on this port: write https in place of http$/
  await errorsOf(`http://127.0.0.1:${portOf(server)}`, ({ hint }) => assert.match(hint ?? '', wantsTls))
  await using closing = await listen(
    createServer((socket) => socket.on('error', () => undefined).once('data', () => socket.destroy())),
  )
  await errorsOf(`http://127.0.0.1:${portOf(closing)}`, ({ message, hint }) => {
    assert.match(message, / cannot be reached: /)
    assert.match(hint ?? '', wantsTls)
  })
})

test('another protocol is named as that, also where files are put by HTTP', async () => {
  await using server = await listen(
    createServer((socket) => socket.on('error', () => undefined).end('SSH-2.0-OpenSSH_9.2\r\n')),
  )
  const port = portOf(server)
  const says = new RegExp(`: what answers at 127\\.0\\.0\\.1:${port} does not speak HTTP$`)
  await errorsOf(`http://127.0.0.1:${port}`, ({ message, hint }) => {
    assert.match(message, says)
    assert.match(hint ?? '', /^check host and port/)
  })
  await using client = new HttpClient({ tag: 'http', url: `http://127.0.0.1:${port}/x/` })
  await assert.rejects(client.check(signal), says)
})

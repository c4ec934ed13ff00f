import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { PutServer } from '../../../../test/services/storage/put-server.ts'
import { storageKit } from '../../../../test/services/storage/storage-kit.ts'
import { sinkSuite } from '../../../../test/suites/sink-suite.ts'
import { certificateOf } from '../../../../test/support/servers/certificates.ts'
import { feedMeter } from '../../../core/feed-meter.ts'
import { FeedError } from '../../../errors/feed-error.ts'
import { SinkParameters } from '../../sink-parameters.ts'
import { UploadQueue } from '../upload-queue.ts'
import { http } from './kind.ts'
import type { HttpLocation } from './location.ts'
import { HttpClient } from './open.ts'

const servers: PutServer[] = []

sinkSuite(
  'into a web server',
  storageKit({
    trouble: 'reported',
    end: async () => {
      for (const server of servers) await server[Symbol.asyncDispose]()
    },
    async place({ isImpatient = false }) {
      const server = new PutServer()
      servers.push(server)
      const address = await server.start()
      return {
        open: async () =>
          new HttpClient({ tag: 'http', url: `http://${address}/` }, { idleMs: isImpatient ? 200 : undefined }),
        objects: async () => new Map([...server.files].map(([path, bytes]) => [path.slice(1), bytes])),
        break: async () => server.break(),
        mend: async () => server.mend(),
      }
    },
  }),
)

const object = { name: 'a/b.ndjson', contentType: 'application/x-ndjson' }
const { signal } = new AbortController()

test('an answer says whether a file is sent again', async () => {
  await using server = new PutServer()
  const url = `http://${await server.start()}/`
  await using client = new HttpClient({ tag: 'http', url })
  for (const [answer, tag, hint] of [
    [500, 'failed', undefined],
    [503, 'failed', undefined],
    [408, 'failed', undefined],
    [429, 'failed', undefined],
    ['cut', 'failed', undefined],
    [302, 'refused', /redirects are not followed/],
    [401, 'refused', /credentials/],
    [403, 'refused', /credentials/],
    [404, 'refused', undefined],
    [405, 'refused', /PUT/],
  ] as const) {
    server.answers.push(answer)
    const error: unknown = await client.put(object, [Buffer.alloc(300_000)], signal).then(
      () => assert.fail(`${answer} was taken for a success`),
      (thrown: unknown) => thrown,
    )
    const trouble = client.trouble(error)
    assert.equal(trouble.tag, tag, String(answer))
    assert.ok(trouble.error instanceof FeedError)
    assert.equal(trouble.error.code, 'FEED_SINK')
    if (hint !== undefined) assert.match(trouble.error.hint ?? '', hint)
  }
  await client.put(object, [Buffer.from('a'), Buffer.from('b')], signal)
  assert.equal(String(server.files.get('/a/b.ndjson')), 'ab')
})

test('what the server says is in the error, without credentials and without values of rows', async () => {
  await using server = new PutServer()
  const host = await server.start()
  const authorization = `Basic ${Buffer.from('me:s3cret-word').toString('base64')}`
  await using client = new HttpClient({ tag: 'http', url: `http://${host}/`, authorization })
  const said = async (text: string): Promise<string> => {
    server.answers.push({ status: 507, text })
    const pieces = [Buffer.from('{"after": {"id": 4711, "name": "Ann"}}\n'), Buffer.from('{"after": null}\n')]
    return client.put(object, pieces, signal).then(
      () => assert.fail('it was taken for a success'),
      (error: unknown) => client.trouble(error).error.message,
    )
  }
  const head = `file-http://${host}: PUT of a file was answered by 507 Insufficient Storage`
  assert.equal(await said('the quota of\nthe folder is used up'), `${head}: the quota of the folder is used up`)
  assert.equal(await said('no room for 4711, Ann, Annabel'), `${head}: no room for …, …, Annabel`)
  assert.equal(await said(`wrong: me:s3cret-word, ${authorization}`), `${head}: wrong: …:…-…, … …=`)
  assert.equal(await said('<html><body><h1>Full</h1></body></html>'), `${head}: Full`)
  assert.equal(await said('\u0000\u0001'), `${head}: (no text)`)
  assert.ok((await said('x '.repeat(5000))).length < head.length + 210)
})

test('an authority of the setting is trusted beside the usual ones, and what is no certificate is said', async () => {
  const { cert, key, ca } = certificateOf('files')
  await using server = new PutServer({ tls: { cert: readFileSync(cert), key: readFileSync(key) } })
  const location: HttpLocation = { tag: 'http', url: `https://${await server.start()}/` }
  await using stranger = new HttpClient(location)
  await assert.rejects(stranger.check(signal), (error) => {
    assert.ok(error instanceof FeedError)
    assert.match(error.message, /cannot be reached: /)
    assert.match(error.hint ?? '', /cloudstorage\.http\.custom_ca/)
    return true
  })
  await using client = new HttpClient(location, { customCa: readFileSync(ca, 'utf8') })
  await client.check(signal)
  await client.put(object, [Buffer.from('a')], signal)
  assert.equal(String(server.files.get('/a/b.ndjson')), 'a')
  assert.throws(() => new HttpClient(location, { customCa: 'none' }), /custom_ca is no PEM certificate/)
})

test('a URI becomes the address of the files, and its password is in nothing that is shown', () => {
  const read = (scheme: string, place: string): HttpLocation =>
    http.readLocation({ scheme, place, parameters: new SinkParameters('', 1) })
  assert.deepEqual(read('file-http', 'h:8080/a/b'), { tag: 'http', url: 'http://h:8080/a/b/' })
  assert.equal(read('file-http', 'h/a#b').url, 'http://h/a%23b/')
  assert.deepEqual(read('https', 'h'), { tag: 'http', url: 'https://h/' })
  const secret = read('file-https', 'me:p%40ss@h/x')
  assert.deepEqual(secret, {
    tag: 'http',
    url: 'https://h/x/',
    authorization: `Basic ${Buffer.from('me:p@ss').toString('base64')}`,
  })
  assert.equal(http.shownAs(secret), 'file-https://h/x')
  assert.deepEqual(http.addresses?.(secret), [{ host: 'h', port: 443 }])
  assert.deepEqual(http.notices?.(read('file-http', 'u:p@h')).length, 1)
  for (const place of ['', '/x', 'me:s3cret@', 'h:port/x', 'h:0/x', 'https://h/x', 'ftp://h', 'http:/h']) {
    assert.throws(
      () => read('file-http', place),
      (error) => error instanceof FeedError && !error.message.includes('s3cret'),
    )
  }
})

test('a server that answers before it has read a file gets the bytes of that file', async () => {
  const read = Promise.withResolvers<Buffer>()
  const server = createServer((request, response) => {
    response.writeHead(201).end()
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).pause()
    // The sink has the answer meanwhile, and could use the memory of the file for other things.
    setTimeout(() => request.resume(), 300)
    request.once('end', () => read.resolve(Buffer.concat(chunks)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const warned: string[] = []
  const warning = ({ message }: Error): void => void warned.push(message)
  process.on('warning', warning)
  try {
    const queue = new UploadQueue({
      client: new HttpClient({ tag: 'http', url: `http://127.0.0.1:${port}/` }),
      timeoutMs: 0,
      retry: { max: 0, backoffMs: 1 },
      warn: () => undefined,
      meter: feedMeter(),
    })
    const pieces = Array.from({ length: 64 }, (_, i) => Buffer.allocUnsafeSlow(256 * 1024).fill(i + 1))
    const whole = Buffer.concat(pieces)
    queue.file(object, { held: whole.length, sent: undefined, pieces: async () => pieces })
    await queue.drained()
    assert.ok((await read.promise).equals(whole))
    await queue.close()
    // Node warns of an emitter that gets a listener for each piece.
    assert.deepEqual(warned, [])
  } finally {
    process.off('warning', warning)
    server.closeAllConnections()
    server.close()
  }
})

test(
  'an answer that takes a file has to come whole, and of another one the status is enough',
  { timeout: 30_000 },
  async () => {
    let head: [status: number, headers: Record<string, string>] = [201, {}]
    let sendBody: (response: ServerResponse) => void = (response) => response.end()
    await using server = createServer((request, response) => {
      request.resume().once('end', () => {
        response.on('error', () => undefined).writeHead(...head)
        sendBody(response)
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await using client = new HttpClient({ tag: 'http', url: `http://127.0.0.1:${port}/` }, { idleMs: 2000 })
    const bodies: readonly (readonly [typeof sendBody, taken: string])[] = [
      [(response) => response.write('a part', () => response.destroy()), 'failed'],
      [(response) => response.write('a part'), 'failed'],
      // It has no end.
      [
        (response) => {
          const more = (): void => {
            if (!response.destroyed) response.write(Buffer.alloc(16 * 1024, 'x '), () => setImmediate(more))
          }
          more()
        },
        'taken',
      ],
    ]
    for (const [send, expected] of bodies) {
      const answered = async (status: number): Promise<[tag: string, message: string]> => {
        sendBody = send
        head = [status, { 'content-length': String(2 ** 40) }]
        const thrown = await client.put(object, [Buffer.from('a')], signal).catch((error: unknown) => error)
        if (thrown === undefined) return ['taken', '']
        const { tag, error } = client.trouble(thrown)
        return [tag, error.message]
      }
      assert.equal((await answered(201))[0], expected)
      const [tag, message] = await answered(403)
      assert.equal(tag, 'refused', message)
      assert.match(message, / answered by 403 Forbidden: /)
    }
    server.closeAllConnections()
  },
)

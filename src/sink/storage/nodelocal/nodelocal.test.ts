import assert from 'node:assert/strict'
import { mkdir, mkdtemp, open as openFile, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { storageKit } from '../../../../test/services/storage/storage-kit.ts'
import { hiddenIn, isFolder, namesIn } from '../../../../test/support/read-folder.ts'
import { sinkSuite } from '../../../../test/suites/sink-suite.ts'
import { FeedError } from '../../../errors/feed-error.ts'
import { SinkParameters } from '../../sink-parameters.ts'
import { nodelocal } from './kind.ts'
import { NodelocalClient } from './open.ts'

let dir = ''
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nodelocal-'))
})
after(() => rm(dir, { recursive: true, force: true }))
const { signal } = new AbortController()

let places = 0
async function folder(): Promise<string> {
  const path = join(dir, `extern${++places}`)
  await mkdir(path)
  return path
}

function object(name: string): { readonly name: string; readonly contentType: string } {
  return { name, contentType: 'text/plain' }
}

sinkSuite(
  'nodelocal',
  storageKit({
    async place() {
      const extern = await folder()
      return {
        open: async () => new NodelocalClient('nodelocal://1/a/b', extern, ['a', 'b']),
        objects: async () => {
          const root = join(extern, 'a/b')
          const names = isFolder(root) ? namesIn(root) : []
          return new Map(
            await Promise.all(names.map(async (name) => [name, await readFile(join(root, name))] as const)),
          )
        },
      }
    },
  }),
)

test('a file that is not complete has a hidden name, and one that is given up leaves nothing', async () => {
  const extern = await folder()
  const client = new NodelocalClient('nodelocal://1', extern, [])
  const upload = await client.begin(object('2026-01-31/a.ndjson'))
  await upload.write(Buffer.from('one '), signal)
  assert.deepEqual(namesIn(extern), [])
  const [hidden = '', ...others] = hiddenIn(extern)
  assert.match(hidden, /^2026-01-31\/\.a\.ndjson\.[0-9a-f]{6}\.part$/)
  assert.deepEqual(others, [])
  await upload.write(Buffer.from('two'), signal)
  await upload.complete(signal)
  assert.deepEqual(namesIn(extern), ['2026-01-31/a.ndjson'])
  assert.equal(await readFile(join(extern, '2026-01-31/a.ndjson'), 'utf8'), 'one two')
  assert.deepEqual(hiddenIn(extern), [])
  const other = await client.begin(object('b'))
  await other.write(Buffer.from('x'), signal)
  await other.abort()
  assert.deepEqual([namesIn(extern), hiddenIn(extern)], [['2026-01-31/a.ndjson'], []])
})

test('two changefeeds may write a file of the same name at the same time, and no half of it is seen', async () => {
  const extern = await folder()
  const [one, other] = [0, 1].map(() => new NodelocalClient('nodelocal://1', extern, [])) as [
    NodelocalClient,
    NodelocalClient,
  ]
  const first = await one.begin(object('1.RESOLVED'))
  await first.write(Buffer.from('{"resolved":"1"}'), signal)
  const second = await other.begin(object('1.RESOLVED'))
  await first.complete(signal)
  assert.equal(await readFile(join(extern, '1.RESOLVED'), 'utf8'), '{"resolved":"1"}')
  await second.write(Buffer.from('{"resolved":"1"}'), signal)
  await second.complete(signal)
  assert.equal(await readFile(join(extern, '1.RESOLVED'), 'utf8'), '{"resolved":"1"}')
  assert.deepEqual(hiddenIn(extern), [])
})

test('bytes that the disk has refused after it had taken them are not passed over: a file in parts is given up, a whole one written again', async (t) => {
  const extern = await folder()
  const client = new NodelocalClient('nodelocal://1', extern, [])
  const upload = await client.begin(object('a'))
  await upload.write(Buffer.from('one'), signal)
  const handle = await openFile(join(extern, 'x'), 'w')
  const ioError = Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' })
  const sync = t.mock.method(Object.getPrototypeOf(handle) as typeof handle, 'sync')
  await handle.close()
  sync.mock.mockImplementationOnce(() => Promise.reject(ioError))
  const thrown: unknown = await upload.complete(signal).catch((error: unknown) => error)
  const { tag, error } = client.trouble(thrown)
  assert.deepEqual([tag, error.retry], ['refused', true])
  assert.match(error.message, /EIO: i\/o error, fsync/)
  // The second sync of the same file would succeed.
  await assert.rejects(upload.complete(signal))
  await upload.abort()
  sync.mock.mockImplementationOnce(() => Promise.reject(ioError), sync.mock.callCount())
  await assert.rejects(client.put(object('b'), [Buffer.from('two')]), (again) => client.trouble(again).tag === 'failed')
  await client.put(object('b'), [Buffer.from('two')])
  assert.deepEqual([namesIn(extern), hiddenIn(extern)], [['b', 'x'], []])
})

test('a folder that somebody removed is made again, and a name that exists is written over', async () => {
  const extern = await folder()
  const client = new NodelocalClient('nodelocal://1/x', extern, ['x'])
  await client.put(object('f/1'), [Buffer.from('first, and longer')])
  await client.put(object('f/1'), [Buffer.from('a'), Buffer.from('b')])
  assert.equal(await readFile(join(extern, 'x/f/1'), 'utf8'), 'ab')
  await rm(join(extern, 'x'), { recursive: true })
  await client.put(object('f/2'), [Buffer.from('c')])
  assert.deepEqual(namesIn(join(extern, 'x')), ['f/2'])
})

test('what a crash has left is removed after a day, also from folders of earlier days and hours, and nothing else', async (t) => {
  const extern = await folder()
  const digits = '2'.repeat(33)
  const yesterday = new Date(Date.now() - 90_000_000)
  const day = yesterday.toISOString().slice(0, 10)
  const left = [`.${digits}-old.part`, `${day}/.${digits}-old.part`, `${day}/23/.${digits}-old.part`]
  const others = [`${day}/.${digits}-new.part`, '.other.part', `${digits}-old.part`, `mine/.${digits}-old.part`]
  for (const name of [...left, ...others]) {
    await mkdir(dirname(join(extern, name)), { recursive: true })
    await writeFile(join(extern, name), '')
    if (!name.includes('new')) await utimes(join(extern, name), yesterday, yesterday)
  }
  const client = new NodelocalClient('nodelocal://1', extern, [])
  await client.put(object('x'), [Buffer.from('x')])
  await client[Symbol.asyncDispose]()
  const found = [...namesIn(extern), ...hiddenIn(extern)]
  assert.deepEqual(found.sort(), [...others, 'x'].sort())

  // A changefeed that runs for longer looks again every day.
  const running = new NodelocalClient('nodelocal://1', extern, [])
  await running.put(object('y'), [Buffer.from('y')])
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 90_000_000 })
  await running.put(object('z'), [Buffer.from('z')])
  await running[Symbol.asyncDispose]()
  assert.ok(!hiddenIn(extern).includes(`${day}/.${digits}-new.part`))
})

test('what stands in the way is named with a hint, and nothing is written outside of the folder', async () => {
  const extern = await folder()
  await writeFile(join(extern, 'file'), '')
  const blocked = new NodelocalClient('nodelocal://1/file/x', extern, ['file', 'x'])
  await assert.rejects(blocked.check(), (error) => {
    assert.ok(error instanceof FeedError)
    assert.match(error.message, /^cannot write files of nodelocal:\/\/1\/file\/x below /)
    assert.match(error.hint ?? '', /move it away/)
    return true
  })
  await symlink(tmpdir(), join(extern, 'out'))
  const leading = new NodelocalClient('nodelocal://1/out', extern, ['out'])
  await assert.rejects(leading.check(), { code: 'FEED_PRIVILEGE' })
  await assert.rejects(leading.put(object('x'), [Buffer.from('x')]), { code: 'FEED_PRIVILEGE' })
})

test('a URI names this node and a path below the folder, or says what is wrong', () => {
  const read = (place: string): unknown =>
    nodelocal.readLocation({ scheme: 'nodelocal', place, parameters: new SinkParameters('', 1) })
  assert.deepEqual(read('1/a/b'), { tag: 'nodelocal', node: '1', folders: ['a', 'b'] })
  assert.deepEqual(read('self//a%20b/./'), { tag: 'nodelocal', node: 'self', folders: ['a b'] })
  assert.deepEqual(read('1'), { tag: 'nodelocal', node: '1', folders: [] })
  for (const place of ['', 'a/b', '2/x']) assert.throws(() => read(place), /must be a node ID/)
  for (const place of ['1/../x', '1/%2e%2e/x', '1/a%2f..%2f..']) assert.throws(() => read(place), /external-io-dir/)
})

import assert from 'node:assert/strict'
import { mkdir, mkdtemp, open as openFile, readFile, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
        open: async () =>
          new NodelocalClient({ name: 'nodelocal://1/a/b', externDir: extern, folders: ['a', 'b'], feed: '7' }),
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
  const client = new NodelocalClient({ name: 'nodelocal://1', externDir: extern, folders: [], feed: '7' })
  const upload = await client.begin(object('2026-01-31/a.ndjson'))
  await upload.write(Buffer.from('one '), signal)
  assert.deepEqual(namesIn(extern), [])
  const [hidden = '', ...others] = hiddenIn(extern)
  assert.match(hidden, /^\.changefeed-7-a\.ndjson\.[0-9a-f]{6}\.part$/)
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
  const [one, other] = ['7', '8'].map(
    (feed) => new NodelocalClient({ name: 'nodelocal://1', externDir: extern, folders: [], feed }),
  ) as [NodelocalClient, NodelocalClient]
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
  const client = new NodelocalClient({ name: 'nodelocal://1', externDir: extern, folders: [], feed: '7' })
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
  await assert.rejects(
    client.put(object('b'), [Buffer.from('two')], signal),
    (again) => client.trouble(again).tag === 'failed',
  )
  await client.put(object('b'), [Buffer.from('two')], signal)
  assert.deepEqual([namesIn(extern), hiddenIn(extern)], [['b', 'x'], []])
})

test('a folder that somebody removed is made again, and a name that exists is written over', async () => {
  const extern = await folder()
  const client = new NodelocalClient({ name: 'nodelocal://1/x', externDir: extern, folders: ['x'], feed: '7' })
  await client.put(object('f/1'), [Buffer.from('first, and longer')], signal)
  await client.put(object('f/1'), [Buffer.from('a'), Buffer.from('b')], signal)
  assert.equal(await readFile(join(extern, 'x/f/1'), 'utf8'), 'ab')
  await rm(join(extern, 'x'), { recursive: true })
  await client.put(object('f/2'), [Buffer.from('c')], signal)
  assert.deepEqual(namesIn(join(extern, 'x')), ['f/2'])
  const draft = await client.draft(object('g/3'), [Buffer.from('d')], signal)
  await rm(join(extern, 'x/g'), { recursive: true })
  await draft.publish(signal)
  await client.settle()
  assert.deepEqual([namesIn(join(extern, 'x')), hiddenIn(extern)], [['f/2', 'g/3'], []])
})

test('a draft is not visible until it is published, and leaves nothing when it is given up', async () => {
  const extern = await folder()
  const client = new NodelocalClient({ name: 'nodelocal://1', externDir: extern, folders: [], feed: '7' })
  const [first, second] = await Promise.all(
    ['a', 'b'].map((name) => client.draft(object(`f/${name}`), [Buffer.from(name)], signal)),
  )
  assert.deepEqual(namesIn(extern), [])
  await second?.publish(signal)
  assert.deepEqual(namesIn(extern), ['f/b'])
  await first?.discard()
  await second?.discard()
  assert.deepEqual([namesIn(extern), hiddenIn(extern)], [['f/b'], []])
})

test('a feed removes what its run before has left, and once a day what other feeds have left for a day', async (t) => {
  const extern = await folder()
  const clientOf = (feed?: string): NodelocalClient =>
    new NodelocalClient({ name: 'nodelocal://1', externDir: extern, folders: [], feed })
  const ownNew = '.changefeed-7-new.part'
  const otherNew = '.changefeed-77-new.part'
  const otherOld = '.changefeed-77-old.part'
  const foreign = ['.changefeed-7-no', '.other.part', 'changefeed-7.part']
  const leftovers = [ownNew, otherNew, otherOld, ...foreign]
  for (const name of leftovers) await writeFile(join(extern, name), '')
  const yesterday = new Date(Date.now() - 90_000_000)
  for (const name of leftovers.slice(2)) await utimes(join(extern, name), yesterday, yesterday)
  // Somebody asks whether a feed could write there.
  await clientOf().check()
  assert.deepEqual((await readdir(extern)).sort(), leftovers.sort())
  const client = clientOf('7')
  await client.check()
  assert.deepEqual((await readdir(extern)).sort(), [otherNew, otherOld, ...foreign].sort())
  await client.put(object('x'), [Buffer.from('x')], signal)
  await client[Symbol.asyncDispose]()
  assert.deepEqual((await readdir(extern)).sort(), [otherNew, 'x', ...foreign].sort())

  // A changefeed that runs for longer looks again every day.
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 90_000_000 })
  await client.put(object('y'), [Buffer.from('y')], signal)
  await client[Symbol.asyncDispose]()
  assert.deepEqual((await readdir(extern)).sort(), ['x', 'y', ...foreign].sort())
})

test('a file whose sink was given up does not become visible any more, and leaves nothing', async () => {
  const extern = await folder()
  const client = new NodelocalClient({ name: 'nodelocal://1', externDir: extern, folders: [], feed: '7' })
  const given = AbortSignal.abort(new Error('given up'))
  await assert.rejects(client.put(object('x'), [Buffer.from('x')], given), /given up/)
  assert.deepEqual([namesIn(extern), hiddenIn(extern)], [[], []])
})

test('a file of very many pieces has them all, in their order', async () => {
  const extern = await folder()
  const client = new NodelocalClient({ name: 'nodelocal://1', externDir: extern, folders: [], feed: '7' })
  const pieces = Array.from({ length: 5000 }, (_, i) => Buffer.from(`${i} `.repeat(i % 7)))
  await client.put(object('x'), [], signal)
  assert.equal((await readFile(join(extern, 'x'))).length, 0)
  await client.put(object('x'), pieces, signal)
  assert.deepEqual(await readFile(join(extern, 'x')), Buffer.concat(pieces))
})

test('what stands in the way is named with a hint, and nothing is written outside of the folder', async () => {
  const extern = await folder()
  await writeFile(join(extern, 'file'), '')
  const blocked = new NodelocalClient({
    name: 'nodelocal://1/file/x',
    externDir: extern,
    folders: ['file', 'x'],
    feed: '7',
  })
  await assert.rejects(blocked.check(), (error) => {
    assert.ok(error instanceof FeedError)
    assert.match(error.message, /^cannot write files of nodelocal:\/\/1\/file\/x below /)
    assert.match(error.hint ?? '', /move it away/)
    return true
  })
  await symlink(tmpdir(), join(extern, 'out'))
  const leading = new NodelocalClient({ name: 'nodelocal://1/out', externDir: extern, folders: ['out'], feed: '7' })
  await assert.rejects(leading.check(), { code: 'FEED_PRIVILEGE' })
  await assert.rejects(leading.put(object('x'), [Buffer.from('x')], signal), { code: 'FEED_PRIVILEGE' })
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

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFolder, namesIn, filesIn } from '../../../test/support/read-folder.ts'
import { at, mebibyte, newFolder, Under } from '../../../test/support/storage-sink-under-test.ts'
import { FileNames, timeDigits, topicInName } from './file-names.ts'
import { lines } from './files/lines.ts'

test('a name has the time, the session, the node, the sink, the file, the topic and the schema', () => {
  const wall = 1_676_387_829_538_529_450n
  assert.equal(timeDigits({ wall, logical: 12 }), '202302141517095385294500000000012')
  const names = new FileNames({ partitioning: 'daily', extension: 'ndjson', session: 'fd95dcb2f9d5d0e6', sink: 2 })
  const time = { wall, logical: 0 }
  assert.equal(
    names.next(time, 'foo', 1),
    '2023-02-14/202302141517095385294500000000000-fd95dcb2f9d5d0e6-1-2-00000000-foo-1.ndjson',
  )
  assert.match(names.next(time, 'foo', 0x1f), /-00000001-foo-1f\.ndjson$/)
  assert.equal(names.resolved(time), '2023-02-14/202302141517095385294500000000000.RESOLVED')
  const hourly = new FileNames({ partitioning: 'hourly', extension: 'csv.gz' })
  assert.match(hourly.next(time, 'foo', 1), /^2023-02-14\/15\/2023.*\.csv\.gz$/)
  const flat = new FileNames({ partitioning: 'flat', extension: 'csv' })
  assert.match(flat.next(time, 'foo', 1), /^\d{33}-[0-9a-f]{16}-1-\d+-00000000-foo-1\.csv$/)
  assert.equal(topicInName('pre_"Caf\u00e9" a.b+c'), 'pre_"Caf\u00e9" a.b+c')
  assert.equal(topicInName('../a/b\n'), '.._u002f_a_u002f_b_u000a_')
})

test('a name that would sort before the name before it is never given', () => {
  const names = new FileNames({ partitioning: 'daily', extension: 'ndjson' })
  names.next(at(2), 'a', 1)
  assert.throws(() => names.next(at(1), 'a', 1), { code: 'FEED_BUG' })
})

test('a flush writes what was emitted, and nothing when nothing was', async () => {
  for (const compression of [undefined, 'gzip', 'zstd'] as const) {
    await using under = new Under(compression === undefined ? {} : { compression })
    await under.flush()
    assert.equal(isFolder(under.folder), false)
    await under.emit([0, 'v1'], [0, 'v2'], [1, 'w1'])
    await under.flush()
    assert.deepEqual(under.texts, ['v1\nv2\n', 'w1\n'])
    await under.flush()
    await under.emit([0, 'v3'])
    assert.deepEqual(under.texts, ['v1\nv2\n', 'w1\n'])
    await under.flush(3)
    await under.emit([0, 'v4'], [0, 'v5', 2])
    await under.flush()
    assert.deepEqual(under.texts, ['v1\nv2\n', 'w1\n', 'v3\n', 'v4\n', 'v5\n'])
    for (const name of namesIn(under.folder))
      assert.match(name, { none: /\.ndjson$/, gzip: /\.ndjson\.gz$/, zstd: /\.ndjson\.zst$/ }[compression ?? 'none'])
  }
})

test('a session that is opened again writes over the same names, and another session repeats the rows', async () => {
  const folder = newFolder()
  for (const session of ['a', 'a', 'b']) {
    await using under = new Under({ folder, session: session.repeat(16) })
    await under.emit([0, 'v1'])
    await under.flush()
  }
  assert.deepEqual(
    filesIn(folder).map(({ text }) => text),
    ['v1\n', 'v1\n'],
  )
})

test('a file of more than file_size is finished, and a resolved file comes between its rows and the later ones', async () => {
  await using under = new Under({ fileSize: 6 })
  const written = async (count: number): Promise<readonly string[]> => {
    const deadline = Date.now() + 5000
    while (under.texts.length < count && Date.now() < deadline) await new Promise((done) => setTimeout(done, 5))
    return under.texts
  }
  await under.emit([0, 'v1'], [0, 'v2'], [0, 'v3'], [0, 'v4'], [0, 'v5'])
  assert.deepEqual(await written(1), ['v1\nv2\nv3\n'])
  await under.flush()
  assert.deepEqual(under.texts, ['v1\nv2\nv3\n', 'v4\nv5\n'])
  await under.flush(5)
  await under.emit([0, 'v6'], [0, 'v7'], [0, 'v8'], [0, 'v9'])
  assert.deepEqual(await written(3), ['v1\nv2\nv3\n', 'v4\nv5\n', 'v6\nv7\nv8\n'])
  await under.resolved(5)
  const first = '{"resolved":"5.0000000000"}'
  assert.deepEqual(await written(4), ['v1\nv2\nv3\n', 'v4\nv5\n', first, 'v6\nv7\nv8\n'])
  await under.flush()
  await under.resolved(6)
  await under.flush()
  const second = '{"resolved":"6.0000000000"}'
  assert.deepEqual(under.texts, ['v1\nv2\nv3\n', 'v4\nv5\n', first, 'v6\nv7\nv8\n', 'v9\n', second])
})

test('files of rows of a day and an hour are in the folder that partition_format says', async () => {
  const times = ['2000-01-01T01:01:01Z', '2000-01-01T01:02:01Z', '2000-01-01T02:01:01Z', '2000-01-02T01:01:01Z']
  for (const [partitioning, expected] of [
    ['hourly', ['2000-01-01/01', '2000-01-01/02', '2000-01-02/01']],
    ['daily', ['2000-01-01', '2000-01-02']],
    ['flat', ['']],
  ] as const) {
    const walls = times.map((time) => BigInt(Date.parse(time)) * 1_000_000n)
    await using under = new Under({ partitioning, firstTime: { wall: walls[0] as bigint, logical: 0 } })
    for (const wall of walls) {
      await under.sink.flush({ wall, logical: 0 })
      await under.emit([0, 'v'])
    }
    await under.flush()
    const found = new Set(namesIn(under.folder).map((name) => name.replace(/\/?[^/]*$/, '')))
    assert.deepEqual([...found], expected)
    assert.equal(under.files.length, times.length)
  }
})

test('tables of other columns whose rows come by turns have a file each, also if their topics share a name', async () => {
  await using under = new Under({ topics: ['t', 't'] })
  for (let n = 0; n < 20; n++) await under.emit([0, `a${n}`, 1], [1, `b${n}`, 2])
  await under.flush()
  const texts = ['a', 'b'].map((table) => Array.from({ length: 20 }, (_, n) => `${table}${n}\n`).join(''))
  assert.deepEqual(under.texts, texts)
})

test('rows of several schemas never share a file, and their files sort in the order in which the rows came', async () => {
  await using under = new Under()
  await under.emit([0, 'a', 9], [0, 'b', 2], [1, 'x', 2], [0, 'c', 9], [0, 'd', 9])
  await under.flush()
  assert.deepEqual(under.texts, ['a\n', 'b\n', 'c\nd\n', 'x\n'])
})

test('topics that share a name share files, in the order of their rows', async () => {
  await using under = new Under({ topics: ['same', 'same'] })
  await under.emit([0, 'a'], [1, 'b'], [0, 'c'])
  await under.flush()
  assert.deepEqual(under.texts, ['a\nb\nc\n'])
})

test('every file of CSV begins with the line of its schema', async () => {
  const header = (schema: number): Buffer => Buffer.from(`columns of ${schema}`)
  await using under = new Under({ format: lines({ extension: 'csv', header }) })
  await under.emit([0, '1', 4], [0, '2', 4], [0, '3', 5])
  await under.flush()
  assert.deepEqual(under.texts, ['columns of 4\n1\n2\n', 'columns of 5\n3\n'])
})

test('a large file is compressed into one that readers take as a whole', async () => {
  const row = 'x'.repeat(1000)
  for (const compression of ['gzip', 'zstd'] as const) {
    await using under = new Under({ compression, fileSize: 64 * mebibyte })
    const count = 6000
    for (let from = 0; from < count; from += 1000)
      await under.emit(...Array.from({ length: 1000 }, (_, i) => [0, `${from + i} ${row}`] as const))
    await under.flush()
    assert.equal(under.files.length, 1)
    const found = under.texts[0]?.trimEnd().split('\n') ?? []
    assert.deepEqual([found.length, found.at(0)?.slice(0, 3), found.at(-1)?.slice(0, 6)], [count, '0 x', '5999 x'])
  }
})

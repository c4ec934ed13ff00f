// Changefeeds into files, as a user makes them: the files that are listed, what stands in them, and what is refused.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { StorageFeed } from '../feed/storage-feed.ts'
import { hlcOf, withoutTime } from '../feed/test-feed.ts'
import { TestJob } from '../feed/test-job.ts'
import { refusalOf, type Refusal } from '../server/refusal.ts'
import { TestServer } from '../server/test-server.ts'
import { PutServer } from '../services/storage/put-server.ts'
import { fileIn, filesIn, hiddenIn, isFolder, linesOf, namesIn } from '../support/read-folder.ts'
import { until } from '../support/until.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(async () => server?.[Symbol.asyncDispose]())
const withinMs = 30_000

function folderOf(path: string): string {
  return join(server.storeDir, 'extern', path)
}

async function create(statement: string): Promise<TestJob> {
  const [row] = await server.sql(statement)
  return new TestJob(server, String(row?.['job_id']))
}

const refused = (statement: string): Promise<Refusal> => refusalOf(server, statement)

test('the walkthrough with two tables: files by day, table and schema, and RESOLVED files between them', async () => {
  await server.sql(`
    CREATE TABLE office_dogs (id INT PRIMARY KEY, name STRING);
    INSERT INTO office_dogs VALUES (1, 'Petee'), (2, 'Carl');
    UPDATE office_dogs SET name = 'Petee H' WHERE id = 1;
    CREATE TABLE employees (dog_id INT REFERENCES office_dogs (id), employee_name STRING);
    INSERT INTO employees VALUES (1, 'Lauren'), (2, 'Spencer')`)
  const folder = folderOf('test')
  await using feed = await StorageFeed.open({
    server,
    folder,
    statement: `CREATE CHANGEFEED FOR TABLE office_dogs, employees INTO 'experimental-nodelocal://self/test' with updated, resolved='1s', min_checkpoint_frequency='1s'`,
  })
  assert.deepEqual(
    feed.notices.filter((notice) => notice.includes('experimental')),
    ['experimental-nodelocal is no longer experimental, use nodelocal://'],
  )
  await feed.row(4)
  await server.sql(`INSERT INTO office_dogs VALUES (3, 'Ernie')`)
  await feed.row(5)
  await feed.resolvedPast(hlcOf(feed.rows.at(-1)?.value ?? '', 'updated'))
  const dogs = feed.rows.filter(({ topic }) => topic === 'office_dogs')
  assert.deepEqual(
    dogs.map(({ key, value }) => [key, withoutTime(value)]),
    [
      ['[1]', '{"after": {"id": 1, "name": "Petee H"}}'],
      ['[2]', '{"after": {"id": 2, "name": "Carl"}}'],
      ['[3]', '{"after": {"id": 3, "name": "Ernie"}}'],
    ],
  )
  const names = namesIn(folder)
  const data =
    /^(\d{4})-(\d\d)-(\d\d)\/\1\2\3\d{25}-[0-9a-f]{16}-1-\d+-[0-9a-f]{8}-(office_dogs|employees)-[0-9a-f]+\.ndjson$/
  for (const name of names)
    assert.match(name, name.endsWith('RESOLVED') ? /^(\d{4})-(\d\d)-(\d\d)\/\1\2\3\d{25}\.RESOLVED$/ : data)
  assert.ok(names.filter((name) => name.endsWith('.RESOLVED')).length >= 2)
  const [line] = linesOf(fileIn(folder, names.find((name) => name.includes('office_dogs')) ?? ''))
  assert.match(line ?? '', /^\{"after": \{"id": 1, "name": "Petee H"\}, "key": \[1\], "updated": "\d{19}\.\d{10}"\}$/)
  assert.deepEqual(hiddenIn(folder), [])
})

test('rows of before and after a schema change are in files of different schemas', async () => {
  await server.sql('CREATE TABLE changed (a INT PRIMARY KEY); INSERT INTO changed VALUES (1)')
  const folder = folderOf('changed')
  await using feed = await StorageFeed.open({
    server,
    folder,
    statement: `CREATE CHANGEFEED FOR changed INTO 'nodelocal://1/changed?topic_prefix=pre_&partition_format=flat' WITH updated, resolved = '100ms', min_checkpoint_frequency = '100ms'`,
  })
  await feed.row(1)
  await server.sql("ALTER TABLE changed ADD COLUMN b STRING DEFAULT 'x'")
  await server.sql("INSERT INTO changed VALUES (2, 'y')")
  await until('the new row', withinMs, () => (feed.rows.some(({ key }) => key === '[2]') ? true : undefined))
  const schemas = new Map<string, Set<string>>()
  for (const file of filesIn(folder)) {
    if (file.topic === undefined) continue
    assert.equal(file.topic, 'pre_changed')
    assert.match(file.name, /^[^/]+$/)
    const schema = /-([0-9a-f]+)\.ndjson$/.exec(file.name)?.[1] ?? ''
    const columns = linesOf(file).map((text) => Object.keys((JSON.parse(text) as { after: object }).after).join())
    schemas.set(schema, new Set([...(schemas.get(schema) ?? []), ...columns]))
  }
  assert.deepEqual([...schemas.values()].map((columns) => [...columns]).sort(), [['a'], ['a,b']])
})

test('compression and file_size are those of the statement', async () => {
  await server.sql(
    `CREATE TABLE sized (a INT PRIMARY KEY, b STRING); INSERT INTO sized SELECT i, repeat(md5(i::text), 10) FROM generate_series(1, 2000) AS i`,
  )
  for (const [path, options, ending] of [
    ['plain?file_size=100KB', '', '.ndjson'],
    ['gzip?file_size=16MB', ", compression = 'gzip'", '.ndjson.gz'],
    ['zstd', ", compression = 'ZSTD'", '.ndjson.zst'],
  ] as const) {
    const job = await create(
      `CREATE CHANGEFEED FOR sized INTO 'nodelocal://1/sized-${path}' WITH initial_scan = 'only'${options}`,
    )
    await job.reaches('succeeded')
    const folder = folderOf(`sized-${path.replace(/\?.*/, '')}`)
    const files = filesIn(folder).filter(({ topic }) => topic !== undefined)
    assert.equal(new Set(files.flatMap(linesOf)).size, 2000)
    assert.ok(files.every(({ name }) => name.endsWith(ending)))
    if (ending === '.ndjson') assert.ok(files.length >= 7, `${files.length} files`)
  }
})

test('CSV files begin with the names of the columns when that is asked for, and end their lines', async () => {
  await server.sql(
    `CREATE TABLE listed (z INT PRIMARY KEY, "a,b" STRING); INSERT INTO listed VALUES (1, 'x'), (2, NULL)`,
  )
  for (const [path, option, head] of [
    ['csv', '', []],
    ['csv-header', ', csv_header', ['z,"a,b"']],
  ] as const) {
    const job = await create(
      `CREATE CHANGEFEED FOR listed INTO 'nodelocal://1/${path}' WITH format = csv, initial_scan = 'only'${option}`,
    )
    await job.reaches('succeeded')
    const files = filesIn(folderOf(path))
    const rows = files.flatMap((file) => {
      const lines = linesOf(file)
      assert.deepEqual(lines.slice(0, head.length), head)
      return lines.slice(head.length)
    })
    assert.ok(files.length > 0 && files.every(({ name }) => name.endsWith('.csv')))
    assert.deepEqual([...rows].sort(), ['1,x', '2,NULL'])
  }
})

test('what does not go with files is refused', async () => {
  await server.sql('CREATE TABLE refused (a INT PRIMARY KEY, b STRING)')
  const into = (uri: string, options = ''): string => `CREATE CHANGEFEED FOR refused INTO '${uri}'${options}`
  for (const [statement, message] of [
    [
      into('experimental-nodelocal://1/bar', " WITH envelope='key_only'"),
      'this sink is incompatible with envelope=key_only',
    ],
    [into('nodelocal://1/bar', " WITH envelope='row'"), 'this sink is incompatible with envelope=row'],
    [into('nodelocal://1/x?partition_format=weekly'), 'invalid partition_format of weekly'],
    [into('nodelocal://1/x?file_size=big'), 'parsing big: file_size is no size in bytes'],
    [into('nodelocal://1/x?region=eu&topic_prefix=a'), 'unknown nodelocal query parameters: [region]'],
    [into('file-http://h/x?a=1&b=2'), 'unknown HTTP query parameters: [a, b]'],
    [into('nodelocal://1/../x'), 'local file access to paths outside of external-io-dir is not allowed'],
    [into('nodelocal://2/x'), 'host component of nodelocal URI must be a node ID: 2'],
    [into('nodelocal://1/x', " WITH compression = 'lz4'"), undefined],
    [into('nodelocal://1/x', ' WITH csv_header'), 'csv_header is only usable with format=csv'],
  ] as const) {
    const error = await refused(statement)
    if (message === undefined) assert.match(error.message, /compression/)
    else assert.equal(error.message, message)
  }
  const takes = 'a sink of cloud storage takes format=json, csv, parquet'
  for (const [options, message, hint] of [
    ["format = avro, confluent_schema_registry = 'http://h'", 'this sink is incompatible with format=avro', takes],
    [
      'format = protobuf',
      'this sink is incompatible with format=protobuf',
      `format=protobuf is not supported yet; ${takes}`,
    ],
  ] as const) {
    const other = await refused(into('nodelocal://1/x', ` WITH ${options}`))
    assert.deepEqual([other.message, other.hint], [message, hint])
  }
  const keyed = await refused(into('nodelocal://1/x', ' WITH format = parquet, key_in_value'))
  assert.equal(keyed.message, 'key_in_value is not supported with format=parquet')
  assert.match(keyed.hint ?? '', /the columns of the key are among those of the file/)
  const typo = await refused(into('nodelocal://1/x?file_sise=1MB'))
  assert.deepEqual(
    [typo.message, typo.hint],
    ['unknown nodelocal query parameters: [file_sise]', 'did you mean file_size?'],
  )
})

test('a job that is paused and resumed repeats nothing', async () => {
  await server.sql('CREATE TABLE rested (a INT PRIMARY KEY); INSERT INTO rested VALUES (1)')
  const folder = folderOf('rested')
  const statement = `CREATE CHANGEFEED FOR rested INTO 'nodelocal://1/rested' WITH updated, min_checkpoint_frequency = '100ms'`
  await using feed = await StorageFeed.open({ server, folder, statement })
  await feed.row(1)
  for (let a = 2; a <= 4; a++) {
    await feed.job.pause()
    await server.sql(`INSERT INTO rested VALUES (${a})`)
    await feed.job.resume()
    await feed.row(a)
  }
  assert.deepEqual(
    feed.rows.map(({ key }) => key),
    ['[1]', '[2]', '[3]', '[4]'],
  )
})

test('a web server gets each file with PUT, again when it was busy, and nobody reads the password', async () => {
  await server.sql('CREATE TABLE posted (a INT PRIMARY KEY); INSERT INTO posted VALUES (1), (2)')
  await using far = new PutServer()
  const address = await far.start()
  far.answers.push(503, 429, 'cut')
  const job = await create(
    `CREATE CHANGEFEED FOR posted INTO 'file-http://me:s3cret@${address}/up%20here' WITH compression = 'gzip', updated, resolved = '100ms', min_checkpoint_frequency = '100ms'`,
  )
  await until('a RESOLVED file', withinMs, () =>
    [...far.files.keys()].some((name) => name.endsWith('.RESOLVED')) ? true : undefined,
  )
  const [path = ''] = [...far.files.keys()]
  assert.match(path, /^\/up%20here\/\d{4}-\d\d-\d\d\/\d{33}-[0-9a-f]{16}-1-\d+-00000000-posted-[0-9a-f]+\.ndjson\.gz$/)
  const [head] = far.heads
  assert.deepEqual(
    [head?.['content-type'], head?.['content-encoding'], head?.authorization, Number(head?.['content-length'])],
    [
      'application/x-ndjson',
      'gzip',
      `Basic ${Buffer.from('me:s3cret').toString('base64')}`,
      far.files.get(path)?.length,
    ],
  )
  const log = readFileSync(join(server.storeDir, 'logs/changefeed.log'), 'utf8')
  const shown = JSON.stringify(await server.sql('SHOW JOBS'))
  for (const text of [log, shown, server.output]) assert.equal(text.includes('s3cret'), false)
  assert.match(shown, /file-http:\/\/redacted@/)
  await job.cancel()
})

test('a redirect is not followed, and the job shows why it does not get on', async () => {
  await server.sql('CREATE TABLE led (a INT PRIMARY KEY); INSERT INTO led VALUES (1)')
  await using far = new PutServer()
  const address = await far.start()
  far.answers.push(...Array<number>(50).fill(302))
  const job = await create(
    `CREATE CHANGEFEED FOR led INTO 'http://${address}/x' WITH min_checkpoint_frequency = '100ms'`,
  )
  await job.until('the reason', (row) => row.running_status?.includes('302') === true)
  await job.cancel()
})

test('a web server that is not there is an error of the statement', async () => {
  await server.sql('CREATE TABLE nowhere (a INT PRIMARY KEY)')
  const { message } = await refused(`CREATE CHANGEFEED FOR nowhere INTO 'file-https://127.0.0.1:1/x'`)
  assert.match(message, /^file-https:\/\/127\.0\.0\.1:1\/x cannot be reached: connect ECONNREFUSED/)
})

test('only hosts that are allowed get files', async () => {
  await server.sql('CREATE TABLE fenced (a INT PRIMARY KEY)')
  await server.sql(`SET CLUSTER SETTING changefeed.sink.allowed_hosts = 'files.example.com'`)
  try {
    const { message } = await refused(`CREATE CHANGEFEED FOR fenced INTO 'file-http://127.0.0.1:9/x'`)
    assert.equal(message, 'sinks may not reach 127.0.0.1:9')
    const job = await create(`CREATE CHANGEFEED FOR fenced INTO 'nodelocal://1/fenced'`)
    await job.cancel()
    assert.equal(isFolder(folderOf('fenced')), true)
  } finally {
    await server.sql('RESET CLUSTER SETTING changefeed.sink.allowed_hosts')
  }
})

// Changefeeds into a bucket of a real S3 service, as a user makes them: the walkthrough, trouble at the far end, and where the secrets may be
// read afterwards.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { compareHlc } from '../../src/core/hlc.ts'
import { StorageFeed } from '../feed/storage-feed.ts'
import { hlcOf, withoutTime } from '../feed/test-feed.ts'
import { refusalOf, type Refusal } from '../server/refusal.ts'
import { TestServer } from '../server/test-server.ts'
import { skipWithoutGo } from '../services/go-program.ts'
import type { FrontTrouble } from '../services/storage/service-front.ts'
import { s3Error, s3Keys, Versitygw } from '../services/storage/versitygw.ts'
import { fileIn, linesOf } from '../support/read-folder.ts'
import { until } from '../support/until.ts'

const bucket = 'example-bucket-name'
const withinMs = 60_000

test.describe('changefeeds into S3', { skip: skipWithoutGo }, () => {
  let server: TestServer
  let s3: Versitygw
  before(async () => {
    s3 = await Versitygw.start()
    await s3.makeBucket(bucket)
    server = await TestServer.start()
  })
  after(async () => {
    await server?.[Symbol.asyncDispose]()
    await s3?.[Symbol.asyncDispose]()
  })

  const refused = (statement: string): Promise<Refusal> => refusalOf(server, statement)

  test('the walkthrough: both tables, rows and RESOLVED files under the path of the URI', async () => {
    await server.sql(`
      CREATE TABLE office_dogs (id INT PRIMARY KEY, name STRING);
      INSERT INTO office_dogs VALUES (1, 'Petee'), (2, 'Carl');
      UPDATE office_dogs SET name = 'Petee H' WHERE id = 1;
      CREATE TABLE employees (dog_id INT REFERENCES office_dogs (id), employee_name STRING);
      INSERT INTO employees VALUES (1, 'Lauren'), (2, 'Spencer')`)
    const folder = s3.folderOf(bucket, 'test')
    await using feed = await StorageFeed.open({
      server,
      folder,
      statement: `CREATE CHANGEFEED FOR TABLE office_dogs, employees INTO 'experimental-s3://${bucket}/test?${s3.parameters}' with updated, resolved='10s';`,
    })
    assert.ok(feed.notices.includes('experimental-s3 is no longer experimental, use s3://'))
    await feed.row(4)
    const last = hlcOf(feed.rows.at(-1)?.value ?? '', 'updated')
    await until('a RESOLVED file after the rows', withinMs, () =>
      feed.resolved.some((time) => compareHlc(time, last) > 0) ? true : undefined,
    )
    const dogs = feed.rows.filter(({ topic }) => topic === 'office_dogs')
    assert.deepEqual(
      dogs.map(({ key, value }) => [key, withoutTime(value)]),
      [
        ['[1]', '{"after": {"id": 1, "name": "Petee H"}}'],
        ['[2]', '{"after": {"id": 2, "name": "Carl"}}'],
      ],
    )
    const listed = await s3.list(bucket)
    const data =
      /^test\/(\d{4})-(\d\d)-(\d\d)\/\1\2\3\d{25}-[0-9a-f]{16}-1-\d+-[0-9a-f]{8}-(office_dogs|employees)-[0-9a-f]+\.ndjson$/
    for (const name of listed) {
      assert.match(name, name.endsWith('RESOLVED') ? /^test\/(\d{4})-(\d\d)-(\d\d)\/\1\2\3\d{25}\.RESOLVED$/ : data)
    }
    assert.deepEqual(
      new Set(listed.map((name) => /office_dogs|employees|RESOLVED/.exec(name)?.[0])),
      new Set(['office_dogs', 'employees', 'RESOLVED']),
    )
    const name = listed.find((key) => key.includes('office_dogs'))?.slice('test/'.length) ?? ''
    const [line] = linesOf(fileIn(folder, name))
    assert.match(line ?? '', /^\{"after": \{"id": 1, "name": "Petee H"\}, "key": \[1\], "updated": "\d{19}\.\d{10}"\}$/)
  })

  test(
    'whatever S3 answers, every row comes, in order, and no file twice under another name',
    { timeout: 500_000 },
    async () => {
      await server.sql('CREATE TABLE troubled (a INT PRIMARY KEY, b STRING)')
      const folder = s3.folderOf(bucket, 'troubled')
      await using feed = await StorageFeed.open({
        server,
        folder,
        statement: `CREATE CHANGEFEED FOR troubled INTO 's3://${bucket}/troubled?${s3.parameters}&file_size=2KB' WITH updated, resolved = '50ms', min_checkpoint_frequency = '50ms'`,
      })
      const troubles: readonly FrontTrouble[] = [
        s3Error(500, 'InternalError'),
        s3Error(503, 'SlowDown'),
        s3Error(403, 'ExpiredToken'),
        s3Error(400, 'RequestTimeout'),
        'cut',
        'lose',
        'half',
        s3Error(403, 'AccessDenied'),
      ]
      for (const [i, trouble] of troubles.entries()) {
        s3.front.next.push(trouble, trouble)
        await server.sql(
          `INSERT INTO troubled SELECT n, repeat('x', 100) FROM generate_series(${i * 50}, ${i * 50 + 49}) AS n; UPDATE troubled SET b = '${i}' WHERE a < 20`,
        )
        s3.front.break()
        // Some requests are on their way when the connections are cut.
        await delay(50)
        s3.front.cut()
        s3.front.mend()
        await until(`all rows after ${JSON.stringify(trouble)}`, withinMs, () => {
          const found = new Set(feed.rows.map(({ key }) => key))
          const last = feed.rows.filter(({ key }) => key === '[0]').at(-1)?.value ?? ''
          return found.size === (i + 1) * 50 && last.includes(`"b": "${i}"`) ? true : undefined
        })
      }
      assert.ok(s3.front.next.length === 0)
    },
  )

  test('what is wrong with the bucket and the keys is an error of the statement, with what to do', async () => {
    await server.sql('CREATE TABLE checked (a INT PRIMARY KEY)')
    const into = (uri: string): string => `CREATE CHANGEFEED FOR checked INTO '${uri}'`
    for (const [uri, message, hint] of [
      [`s3://nowhere-at-all/x?${s3.parameters}`, /S3 answered 404 NoSuchBucket/, /create the bucket nowhere-at-all/],
      [
        `s3://${bucket}/x?${s3.parameters.replace(encodeURIComponent(s3Keys.secret), 'wr0ngsecret')}`,
        /S3 answered 403 SignatureDoesNotMatch/,
        /AWS_SECRET_ACCESS_KEY is not the secret/,
      ],
      [`s3://${bucket}/x`, /AUTH is set to 'specified', but AWS_ACCESS_KEY_ID is not set/, /AUTH=implicit/],
      [
        `s3://${bucket}/x?AUTH=implicit&AWS_ENDPOINT=http://169.254.169.254`,
        /metadata service of a cloud/,
        /metadata_services/,
      ],
    ] as const) {
      const error = await refused(into(uri))
      assert.match(error.message, message)
      assert.match(error.hint ?? '', hint)
      assert.doesNotMatch(`${error.message} ${error.hint ?? ''}`, /wr0ngsecret|r00t/)
    }
  })

  test('nobody reads the secret key: not in SHOW JOBS, the log, the metrics, the list of processes, or an error', async () => {
    await server.sql('CREATE TABLE hidden (a INT PRIMARY KEY); INSERT INTO hidden VALUES (1)')
    const [created] = await server.sql(
      `CREATE CHANGEFEED FOR hidden INTO 's3://${bucket}/hidden?${s3.parameters}' WITH min_checkpoint_frequency = '100ms'`,
    )
    const id = String(created?.['job_id'])
    s3.front.trouble = ({ method }) =>
      method === 'PUT' ? s3Error(403, 'SignatureDoesNotMatch', `You sent ${s3Keys.secret}`) : 'pass'
    await server.sql('INSERT INTO hidden VALUES (2)')
    const shown = await until('the job says what is wrong', withinMs, async () => {
      const jobs = JSON.stringify(await server.sql('SHOW JOBS'))
      return jobs.includes('SignatureDoesNotMatch') ? jobs : undefined
    })
    s3.front.trouble = () => 'pass'
    assert.match(shown, /AWS_SECRET_ACCESS_KEY=redacted/)
    const places = {
      shown,
      queries: JSON.stringify(await server.sql('SHOW QUERIES')),
      log: readFileSync(join(server.storeDir, 'logs/changefeed.log'), 'utf8'),
      output: server.output,
      metrics: await (await fetch(`http://127.0.0.1:${server.httpPort}/_status/vars`)).text(),
      processes: execFileSync('ps', ['-ax', '-o', 'args'], { encoding: 'utf8' }),
    }
    for (const [place, text] of Object.entries(places)) {
      for (const secret of [s3Keys.secret, encodeURIComponent(s3Keys.secret)]) {
        assert.equal(text.includes(secret), false, `the secret key is in ${place}`)
      }
    }
    await server.sql(`CANCEL JOB ${id}`)
  })
})

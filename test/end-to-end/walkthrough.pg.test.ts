// The walkthrough of the core changefeed, step by step as CockroachDB's page prints it, with our command in its place.

import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Program, program } from '../server/program.ts'

test('the core walkthrough runs as printed', { timeout: 300_000 }, async () => {
  const cwd = mkdtempSync(join(tmpdir(), 'changefeed-walkthrough-'))
  // PostgreSQL does not run as root, and its data lies below.
  chmodSync(cwd, 0o755)
  const urlFile = join(cwd, 'url')
  try {
    const started = await program(
      [
        'start-single-node',
        '--insecure',
        '--listen-addr=localhost:0',
        '--http-addr=localhost:0',
        '--background',
        `--listening-url-file=${urlFile}`,
      ],
      { cwd },
    )
    assert.deepEqual({ code: started.code, stderr: started.stderr }, { code: 0, stderr: '' })
    const url = readFileSync(urlFile, 'utf8').trim()
    assert.match(url, /^postgresql:\/\/root@localhost:\d+\/defaultdb\?sslmode=disable$/)
    await walk(url)
  } finally {
    const stopped = await program(['quit', '--insecure'], { cwd })
    const isGone = !existsSync(urlFile)
    rmSync(cwd, { recursive: true, force: true })
    assert.equal(stopped.code, 0, stopped.stderr)
    assert.ok(isGone, 'the server has not ended')
  }
})

async function walk(url: string): Promise<void> {
  // The shell of the page, with statements piped in as if typed, one after the other.
  await using shell = new Program(['sql', `--url=${url}`, '--format=csv'])
  shell.stdin.write('SET CLUSTER SETTING kv.rangefeed.enabled = true;\n')
  shell.stdin.write('CREATE TABLE foo (a INT PRIMARY KEY);\n')
  shell.stdin.write('INSERT INTO foo VALUES (0);\n')
  assert.deepEqual(await shell.lines(3), ['SET CLUSTER SETTING', 'CREATE TABLE', 'INSERT 1'])
  shell.stdin.write('EXPERIMENTAL CHANGEFEED FOR foo;\n')
  assert.deepEqual((await shell.lines(5)).slice(3), ['table,key,value', 'foo,[0],"{""after"": {""a"": 0}}"'])

  // In a new terminal.
  const inserted = await program(['sql', '--insecure', `--url=${url}`, '-e', 'INSERT INTO foo VALUES (1)'])
  assert.deepEqual(inserted, { code: 0, stdout: 'INSERT 1\n', stderr: '' })

  // Back in the terminal where the core changefeed is streaming.
  assert.deepEqual((await shell.lines(6)).slice(5), ['foo,[1],"{""after"": {""a"": 1}}"'])
  await program(['sql', `--url=${url}`, '-e', 'DELETE FROM foo WHERE a = 0'])
  assert.deepEqual((await shell.lines(7)).slice(6), ['foo,[0],"{""after"": null}"'])
  shell.signal('SIGINT')
  const { code, stderr } = await shell.ended
  assert.equal(code, 1)
  assert.match(stderr, /^\(error encountered after some results were delivered\)\nERROR: query execution canceled\n/)
}

test('two tables of a database of their own, and a table without a key', { timeout: 300_000 }, async () => {
  const cwd = mkdtempSync(join(tmpdir(), 'changefeed-walkthrough-'))
  chmodSync(cwd, 0o755)
  await using server = new Program(
    ['start-single-node', '--insecure', '--listen-addr=localhost:0', '--http-addr=localhost:0'],
    { cwd },
  )
  try {
    const banner = await server.lines(8)
    const url = /^sql:\s+(\S+)/m.exec(banner.join('\n'))?.[1] ?? ''
    const setUp = await program(['sql', `--url=${url}`, '--format=table'], {
      input: `SET CLUSTER SETTING cluster.organization = '<organization name>';
SET CLUSTER SETTING enterprise.license = '<secret>';
SET CLUSTER SETTING kv.rangefeed.enabled = true;
CREATE DATABASE cdc_demo;
SET DATABASE = cdc_demo;
CREATE TABLE office_dogs (
     id INT PRIMARY KEY,
     name STRING);
INSERT INTO office_dogs VALUES
   (1, 'Petee'),
   (2, 'Carl');
UPDATE office_dogs SET name = 'Petee H' WHERE id = 1;
CREATE TABLE employees (
     dog_id INT REFERENCES office_dogs (id),
     employee_name STRING);
INSERT INTO employees VALUES
   (1, 'Lauren'),
   (2, 'Spencer');
SELECT name FROM office_dogs ORDER BY id;
`,
    })
    assert.deepEqual(setUp, {
      code: 0,
      stderr: '',
      stdout: `SET CLUSTER SETTING
SET CLUSTER SETTING
SET CLUSTER SETTING
CREATE DATABASE
SET
CREATE TABLE
INSERT 2
UPDATE 1
CREATE TABLE
INSERT 2
    name  
+---------+
  Petee H
  Carl
(2 rows)
`,
    })
    await using feed = new Program([
      'sql',
      `--url=${url}`,
      '-d',
      'cdc_demo',
      '--format=csv',
      '-e',
      'EXPERIMENTAL CHANGEFEED FOR office_dogs, employees',
    ])
    const [head, ...rows] = await feed.lines(5)
    assert.equal(head, 'table,key,value')
    rows.sort()
    assert.match(
      rows[0] ?? '',
      /^employees,\[(\d{18,19})\],"\{""after"": \{""dog_id"": 1, ""employee_name"": ""Lauren"", ""rowid"": \1\}\}"$/,
    )
    assert.match(
      rows[1] ?? '',
      /^employees,\[(\d{18,19})\],"\{""after"": \{""dog_id"": 2, ""employee_name"": ""Spencer"", ""rowid"": \1\}\}"$/,
    )
    assert.equal(rows[2], 'office_dogs,[1],"{""after"": {""id"": 1, ""name"": ""Petee H""}}"')
    assert.equal(rows[3], 'office_dogs,[2],"{""after"": {""id"": 2, ""name"": ""Carl""}}"')
    await program(['sql', `--url=${url}`, '-d', 'cdc_demo', '-e', "INSERT INTO office_dogs VALUES (3, 'Ernie')"])
    assert.equal((await feed.lines(6))[5], 'office_dogs,[3],"{""after"": {""id"": 3, ""name"": ""Ernie""}}"')
  } finally {
    server.signal('SIGTERM')
    await server.ended
    rmSync(cwd, { recursive: true, force: true })
  }
})

// The end of a test file's name says what it needs (scripts/test-tiers.ts). Here it is held against what the file imports,
// directly or through others, and against the commands that it runs.

import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { tierOf, type Tier } from '../scripts/test-tiers.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const files = globSync(['src/**/*.test.ts', 'test/**/*.test.ts'], { cwd: root }).sort()

/** Whoever imports these starts PostgreSQL, with or without our server before it. */
const startPostgres: ReadonlySet<string> = new Set([
  'src/postgres/embedded/embedded.ts',
  'src/postgres/embedded/postmaster.ts',
  'test/server/test-server.ts',
  'test/support/plain-postgres.ts',
  'test/support/postgres-server.ts',
  'test/support/postgres-under-test.ts',
])
/** And these start what needs Java. */
const startKafka: ReadonlySet<string> = new Set([
  'test/services/kafka/kafka-broker.ts',
  'test/services/registry/schema-registry.ts',
])
/** A test that runs the program with one of these starts a server. */
const serverCommand = /'(?:start-single-node|demo)'/
const runsProgram = /\/main\.ts'|bin\/changefeed\.js'|\/(?:program|run-main)\.ts'/

/** Their commands are refused before anything is started. */
const startNothing: ReadonlySet<string> = new Set(['src/cli/cli.test.ts'])

/** They start it through a command that is not ours. */
const startOthers: ReadonlySet<string> = new Set([
  'test/interrupted-bench.pg.test.ts',
  'test/interrupted-run.pg.test.ts',
  'test/pack/pack.pg.test.ts',
  'test/versions/versions.pg.test.ts',
])

const importsOf = new Map<string, readonly string[]>()

/** What the file imports at run time; types start nothing. */
function imports(file: string): readonly string[] {
  let found = importsOf.get(file)
  if (found === undefined) {
    const text = readFileSync(join(root, file), 'utf8')
    found = [...text.matchAll(/^(?:import|export) (?!type )(?:[^'"]*? from )?'(\.[^']+\.ts)'/gm)]
      .map(([, path = '']) => join(file, '..', path))
      .filter((path) => existsSync(join(root, path)))
    importsOf.set(file, found)
  }
  return found
}

/** Everything that the file imports, directly or not, each with the way to it. */
function reach(file: string): ReadonlyMap<string, string> {
  const ways = new Map([[file, file]])
  for (const [one, way] of ways)
    for (const other of imports(one)) if (!ways.has(other)) ways.set(other, `${way} → ${other}`)
  return ways
}

function needs(file: string): { readonly tier: Tier; readonly why: string } {
  const ways = reach(file)
  const way = (starters: ReadonlySet<string>): string | undefined =>
    [...starters].flatMap((starter) => ways.get(starter) ?? [])[0]
  const kafka = way(startKafka)
  if (kafka !== undefined) return { tier: 'kafka', why: kafka }
  const postgres = way(startPostgres)
  if (postgres !== undefined) return { tier: 'pg', why: postgres }
  const text = readFileSync(join(root, file), 'utf8')
  if (!startNothing.has(file) && runsProgram.test(text) && serverCommand.test(text))
    return { tier: 'pg', why: `${file} runs a server` }
  return { tier: 'pure', why: 'it starts nothing' }
}

test('a test file that is named as pure starts no PostgreSQL, no server and no Kafka', () => {
  for (const file of files.filter((each) => tierOf(each) === 'pure' && each !== 'test/tiers.test.ts'))
    assert.equal(needs(file).tier, 'pure', needs(file).why)
})

test('a test file that needs Kafka or a schema registry says so, or is a crash test', () => {
  for (const file of files) {
    const { tier, why } = needs(file)
    if (tier === 'kafka') assert.ok(['kafka', 'crash'].includes(tierOf(file)), why)
    if (tierOf(file) === 'kafka')
      assert.equal(
        tier,
        'kafka',
        `${file} is named as a test with Kafka and starts neither Kafka nor a schema registry`,
      )
  }
})

test('a test file that is named as one with PostgreSQL starts it', () => {
  for (const file of files.filter((each) => tierOf(each) === 'pg' && !startOthers.has(each)))
    assert.equal(needs(file).tier, 'pg', file)
})

test('the imports of tests are found', () => {
  assert.equal(needs('test/end-to-end/sinkless.pg.test.ts').tier, 'pg')
  assert.match(needs('src/sink/kafka/kafka-feed.kafka.test.ts').why, /kafka-broker\.ts$/)
})

test('a test that lets time pass instead of waiting for something says why', () => {
  for (const file of files) {
    const lines = readFileSync(join(root, file), 'utf8').split('\n')
    for (const [i, line] of lines.entries()) {
      if (!/\b(?:await|=>|;) (?:delay\(|new Promise\(\(resolve\) => setTimeout\()/.test(line)) continue
      const isExplained = lines.slice(Math.max(0, i - 3), i).some((above) => /^\s*\/\//.test(above))
      assert.ok(isExplained, `${file}:${i + 1} sleeps: ${line.trim()}`)
    }
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FeedError } from '../../errors/feed-error.ts'
import type { CreateChangefeed, Value } from '../ast.ts'
import { failureOf, parseOne } from '../../../test/support/parse-one.ts'

function parse(sql: string): CreateChangefeed {
  const statement = parseOne(sql)
  assert.ok(statement?.tag === 'create-changefeed', sql)
  return statement
}

function targets(sql: string): string[] {
  return parse(sql).targets.map(({ parts, family }) => parts.join('|') + (family === undefined ? '' : `#${family}`))
}

function show(value: Value | undefined): string {
  if (value === undefined) return ''
  return `=${value.tag}:${value.tag === 'placeholder' ? value.index : value.text}`
}

function options(sql: string): string[] {
  return parse(`EXPERIMENTAL CHANGEFEED FOR t WITH ${sql}`).options.map(({ name, value }) => name + show(value))
}

test('a core changefeed names its tables', () => {
  assert.deepEqual(parse('EXPERIMENTAL CHANGEFEED FOR t'), {
    tag: 'create-changefeed',
    experimental: true,
    targets: [{ parts: ['t'], family: undefined, text: 't', position: 28 }],
    sink: undefined,
    options: [],
  })
  assert.deepEqual(targets('experimental changefeed for T, "T", public.t, d.public.t'), [
    't',
    'T',
    'public|t',
    'd|public|t',
  ])
})

test('TABLE may stand before the list, and before each table', () => {
  assert.deepEqual(targets('CREATE CHANGEFEED FOR TABLE a, b'), ['a', 'b'])
  assert.deepEqual(targets('CREATE CHANGEFEED FOR TABLE a, TABLE b'), ['a', 'b'])
  assert.deepEqual(targets('CREATE CHANGEFEED FOR "table"'), ['table'])
  assert.deepEqual(targets('CREATE CHANGEFEED FOR d.table'), ['d|table'])
})

test('a target may name a family', () => {
  assert.deepEqual(targets('CREATE CHANGEFEED FOR a FAMILY f, b, TABLE c FAMILY "primary"'), ['a#f', 'b', 'c#primary'])
  assert.deepEqual(targets('CREATE CHANGEFEED FOR family FAMILY f'), ['family#f'])
})

test('a target is kept as written', () => {
  const [target] = parse('CREATE CHANGEFEED FOR "Ü" . /* c */ T INTO $1').targets
  assert.deepEqual([target?.parts, target?.text], [['Ü', 't'], '"Ü" . /* c */ T'])
})

test('names end after 63 bytes, as the server keeps them', () => {
  assert.deepEqual(targets(`CREATE CHANGEFEED FOR ${'a'.repeat(70)}`), ['a'.repeat(63)])
  assert.deepEqual(targets(`CREATE CHANGEFEED FOR ${'é'.repeat(40)}`), ['é'.repeat(31)])
})

test('a sink is a string or a placeholder', () => {
  assert.equal(show(parse("CREATE CHANGEFEED FOR t INTO 'kafka://h:9092'").sink), '=string:kafka://h:9092')
  assert.equal(show(parse('CREATE CHANGEFEED FOR t INTO $2 WITH updated').sink), '=placeholder:2')
  assert.equal(show(parse("CREATE CHANGEFEED FOR t INTO ''").sink), '=string:')
  assert.equal(parse('CREATE CHANGEFEED FOR t WITH updated').sink, undefined)
})

test('options have a value or none, and their names no case', () => {
  assert.deepEqual(options("updated, resolved = '10s', FORMAT=JSON, \"Diff\", 'cursor'='1'"), [
    'updated',
    'resolved=string:10s',
    'format=word:JSON',
    'diff',
    'cursor=string:1',
  ])
  assert.deepEqual(options('resolved=10s, a=-1, b=1.5e3, c=$3, d="x y", e = true, f=+2, g=.5, h=-1h'), [
    'resolved=word:10s',
    'a=number:-1',
    'b=number:1.5e3',
    'c=placeholder:3',
    'd=word:x y',
    'e=word:true',
    'f=number:2',
    'g=number:.5',
    'h=word:-1h',
  ])
})

test('a value may stand in brackets and be cast, as a driver puts it there', () => {
  assert.deepEqual(
    options(
      "resolved=('10s'), cursor=('1'::varchar), min_checkpoint_frequency=((5)::pg_catalog.int8), a=$1::STRING, b",
    ),
    ['resolved=string:10s', 'cursor=string:1', 'min_checkpoint_frequency=number:5', 'a=placeholder:1', 'b'],
  )
  assert.equal(show(parse("CREATE CHANGEFEED FOR t INTO ('kafka://h')").sink), '=string:kafka://h')
  for (const wrong of ["('1'", "('1',2)", '()', "'1'::", "'1':text"])
    assert.throws(() => options(`a=${wrong}`), FeedError)
})

test('options may stand in brackets', () => {
  assert.deepEqual(options("OPTIONS (updated, resolved='1s')"), ['updated', 'resolved=string:1s'])
  assert.deepEqual(options('options'), ['options'])
  assert.deepEqual(options('options, updated'), ['options', 'updated'])
})

test('positions count characters', () => {
  const sql = "CREATE CHANGEFEED FOR \"😀\" INTO '😀' WITH updated, resolved='😀'"
  const { sink, options } = parse(sql)
  const at = (position: number | undefined): string => Array.from(sql).slice(position).join('')
  assert.equal(at(sink?.position), "'😀' WITH updated, resolved='😀'")
  assert.equal(at(options[1]?.position), "resolved='😀'")
  assert.equal(at(options[1]?.value?.position), "'😀'")
})

test('what does not parse says where, and what was meant', () => {
  const order = 'the order is FOR targets, INTO sink, WITH options'
  const names = 'name the tables: CHANGEFEED FOR table, …'
  const written = "options are written WITH updated, resolved = '10s', or WITH OPTIONS (updated, resolved = '10s')"
  const into = "the sink comes after INTO: FOR TABLE t INTO 'kafka://localhost:9092'"
  const table: [sql: string, near: string, hint: string | undefined][] = [
    ['EXPERIMENTAL CHANGEFEED', '', names],
    ['EXPERIMENTAL CHANGEFEED t', 't', names],
    ['EXPERIMENTAL CHANGEFEED FOR', '', undefined],
    ['EXPERIMENTAL CHANGEFEED FOR TABLE', '', undefined],
    ['EXPERIMENTAL CHANGEFEED FOR a b', 'b', undefined],
    ['EXPERIMENTAL CHANGEFEED FOR a,', '', undefined],
    ['EXPERIMENTAL CHANGEFEED FOR a, WITH updated', 'WITH updated', undefined],
    ["EXPERIMENTAL CHANGEFEED FOR 'a'", "'a'", undefined],
    ['EXPERIMENTAL CHANGEFEED FOR a.', '', undefined],
    ["EXPERIMENTAL CHANGEFEED FOR a INTO 'x'", "INTO 'x'", 'CREATE CHANGEFEED FOR … INTO …'],
    ['EXPERIMENTAL CHANGEFEED FOR a AS SELECT 1', 'AS SELECT 1', undefined],
    ['EXPERIMENTAL CHANGEFEED FOR a WITH', '', undefined],
    ['EXPERIMENTAL CHANGEFEED FOR a WITH updated,', '', undefined],
    ['EXPERIMENTAL CHANGEFEED FOR a WITH updated resolved', 'resolved', written],
    ["CREATE CHANGEFEED FOR a WITH (updated, resolved='10s')", "(updated, resolved='10s')", written],
    ["CREATE CHANGEFEED FOR a INTO 'x' OPTIONS (updated)", 'OPTIONS (updated)', written],
    ["CREATE CHANGEFEED FOR TABLE a TO 'kafka://h'", "TO 'kafka://h'", into],
    ["CREATE CHANGEFEED FOR TABLE a 'kafka://h' WITH updated", "'kafka://h' WITH updated", into],
    [
      "EXPERIMENTAL CHANGEFEED FOR a TO 'kafka://h'",
      "TO 'kafka://h'",
      "the sink comes after INTO: CREATE CHANGEFEED FOR TABLE t INTO 'kafka://localhost:9092'",
    ],
    ["CREATE CHANGEFEED FOR a INTO 'x' updated, resolved", 'updated, resolved', order],
    ["CREATE CHANGEFEED FOR a INTO 'x' 'y'", "'y'", undefined],
    ['EXPERIMENTAL CHANGEFEED FOR a WITH resolved=', '', undefined],
    ['EXPERIMENTAL CHANGEFEED FOR a WITH resolved=-x', 'x', undefined],
    ['EXPERIMENTAL CHANGEFEED FOR a WITH cursor=1.2.3', '.3', undefined],
    ['EXPERIMENTAL CHANGEFEED FOR a WITH resolved=[1]', '[1]', undefined],
    ['EXPERIMENTAL CHANGEFEED FOR a WITH OPTIONS (updated', '', undefined],
    ['EXPERIMENTAL CHANGEFEED FOR a WITH OPTIONS ()', ')', undefined],
    ['EXPERIMENTAL CHANGEFEED FOR a /* never closed', '/* never closed', undefined],
    ['CREATE CHANGEFEED', '', names],
    ["CREATE CHANGEFEED FOR INTO 'x'", "INTO 'x'", undefined],
    ["CREATE CHANGEFEED FOR a WITH updated INTO 'x'", "INTO 'x'", order],
    ['CREATE CHANGEFEED FOR a INTO', '', undefined],
    ['CREATE CHANGEFEED FOR a FAMILY primary', 'primary', 'a reserved word needs quotes'],
    ['CREATE CHANGEFEED FOR select', 'select', undefined],
  ]
  for (const [sql, at, hint] of table) {
    const failure = failureOf(sql)
    assert.deepEqual([failure.sqlstate, failure.at, failure.hint], ['42601', at, hint], sql)
    const message = at === '' ? 'syntax error at end of input' : 'syntax error at or near "'
    assert.ok(failure.message.startsWith(message), failure.message)
  }
  assert.equal(failureOf('CREATE CHANGEFEED FOR a.b.c.d').message, 'a table name has at most three parts')
})

test('an error behind characters of two units has its position in characters', () => {
  assert.equal(failureOf('EXPERIMENTAL CHANGEFEED FOR "😀" nosuch').at, 'nosuch')
})

test('what CockroachDB has and is not built is named', () => {
  const query = failureOf("CREATE CHANGEFEED INTO 'x' AS SELECT a FROM t")
  assert.deepEqual(
    [query.sqlstate, query.message, query.at],
    ['0A000', 'CREATE CHANGEFEED … AS SELECT is not supported yet', "INTO 'x' AS SELECT a FROM t"],
  )
  assert.equal(failureOf('CREATE CHANGEFEED AS SELECT a FROM t').sqlstate, '0A000')
  assert.equal(failureOf('CREATE CHANGEFEED WITH updated AS SELECT a FROM t').sqlstate, '0A000')
  for (const name of ['d', '"d"', 'd WITH updated']) {
    const database = failureOf(`CREATE CHANGEFEED FOR DATABASE ${name}`)
    assert.deepEqual(
      [database.sqlstate, database.at, database.hint],
      ['0A000', `DATABASE ${name}`, 'name the tables: CREATE CHANGEFEED FOR TABLE a, b'],
    )
  }
})

test('a table may be called "database"', () => {
  assert.deepEqual(targets('CREATE CHANGEFEED FOR database, b'), ['database', 'b'])
  assert.deepEqual(targets('CREATE CHANGEFEED FOR database WITH updated'), ['database'])
  assert.deepEqual(targets('CREATE CHANGEFEED FOR database FAMILY f'), ['database#f'])
  assert.deepEqual(targets('CREATE CHANGEFEED FOR "database"'), ['database'])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planFor, type World } from '../../test/support/plan-for.ts'
import { FeedError } from '../errors/feed-error.ts'

function errorOf(sql: string, world?: World): FeedError {
  try {
    planFor(sql, world)
  } catch (error) {
    assert.ok(error instanceof FeedError)
    return error
  }
  throw new Error(`no error: ${sql}`)
}

// In the order in which they are checked. Each line is one fault, as options or as a part of the statement.
const faults: readonly {
  readonly says: RegExp
  readonly option?: string
  readonly target?: string
  readonly sink?: string
}[] = [
  { says: /^omit the SINK clause for inline results$/, sink: '' },
  { says: /^invalid option "nope"/, option: 'nope' },
  { says: /^unknown on_error: maybe/, option: "on_error = 'maybe'" },
  { says: /^rangefeeds require the kv.rangefeed.enabled setting/ },
  { says: /is in the future$/, option: "cursor = '3000000000000000000'" },
  { says: /table "gone" does not exist$/, target: 'gone' },
  { says: /^CHANGEFEED targets TABLE t and TABLE t are duplicates$/, target: 't, t' },
  { says: /^CHANGEFEED cannot target views: vw$/, target: 'vw' },
  { says: /^cannot specify both initial_scan and no_initial_scan$/, option: 'no_initial_scan, initial_scan' },
  { says: /^specified end time 1.0000000000 cannot be less than statement time/, option: "end_time = '1'" },
  { says: /^key_in_value is only usable with envelope=wrapped$/, option: 'key_in_value, envelope = row' },
  { says: /^metrics_label 'default' is reserved/, option: "metrics_label = 'default'" },
  { says: /^unsupported sink: nope$/, sink: 'nope://x' },
  {
    says: /^this sink is incompatible with option webhook_auth_header$/,
    sink: 'kafka://h',
    option: "webhook_auth_header = 'x'",
  },
  { says: /^param tls_enabled must be a bool$/, sink: 'kafka://h?tls_enabled=foo' },
  { says: /^option "split_column_families" is not supported yet$/, option: 'split_column_families' },
]
const disabled = 3

test('of two faults of a statement the one that is checked first is told', () => {
  for (const [i, first] of faults.entries()) {
    for (const [j, second] of faults.entries()) {
      if (j <= i) continue
      const both = [first, second]
      // Two of one kind cannot be in one statement.
      if (first.target !== undefined && second.target !== undefined) continue
      if (first.sink !== undefined && second.sink !== undefined) continue
      const sink = both.map((fault) => fault.sink).find((uri) => uri !== undefined) ?? 'kafka://h'
      const target = both.map((fault) => fault.target).find((name) => name !== undefined) ?? 't'
      const options = both.flatMap(({ option }) => option ?? [])
      const sql = `CREATE CHANGEFEED FOR ${target} INTO '${sink}'${options.length === 0 ? '' : ` WITH ${options.join(', ')}`}`
      const error = errorOf(sql, { isEnabled: i !== disabled && j !== disabled })
      assert.match(error.message, first.says, sql)
    }
  }
})

test('a statement that only lacks what is not built hears that last, whatever its sink', () => {
  for (const [sql, message] of [
    ["CREATE CHANGEFEED FOR t INTO 'userfile://b?nope=1'", /sink userfile:\/\/ is not supported yet/],
    ["CREATE CHANGEFEED FOR t INTO 'experimental-sql://d?nope=1'", /unknown SQL sink query parameters: \[nope\]/],
    ["CREATE CHANGEFEED FOR t INTO 'null://?nope=1' WITH split_column_families", /unknown null sink query parameters/],
    [
      `CREATE CHANGEFEED FOR t INTO 'kafka://h' WITH split_column_families, kafka_sink_config='{"RequiredAcks": "MAYBE"}'`,
      /invalid acks value "MAYBE"/,
    ],
    ["CREATE CHANGEFEED FOR t INTO 'kafka://h' WITH split_column_families, extra_headers='4'", /headers/],
  ] as const)
    assert.match(errorOf(sql).message, message, sql)
})

test('an option or a sink that is given NULL is refused', () => {
  for (const option of ['initial_scan', 'resolved', 'updated', 'envelope', 'topic_in_value']) {
    const error = errorOf(`CREATE CHANGEFEED FOR t WITH ${option} = $1`, { parameters: [null] })
    assert.deepEqual([error.message, error.sqlstate], [`option "${option}" was given NULL`, '22004'])
    assert.match(error.hint ?? '', /bind a text to \$1/)
  }
  const error = errorOf('CREATE CHANGEFEED FOR t INTO $1', { parameters: [null] })
  assert.deepEqual([error.message, error.sqlstate], ['the sink was given NULL', '22004'])
})

test('a metrics_label is refused when there are too many, and said to be without effect while scopes are not shown', () => {
  const sql = "CREATE CHANGEFEED FOR t INTO 'null://' WITH metrics_label = ' Rides '"
  assert.equal(errorOf(sql, { mayUseScope: false }).message, 'too many metrics labels; max 1024')
  assert.equal(planFor(sql).spec.scope, 'rides')
  assert.deepEqual(planFor(sql).notices, [])
  assert.match(planFor(sql, { showsScopes: false }).notices[0] ?? '', /^server.child_metrics.enabled is off: .*'rides'/)
  assert.deepEqual(planFor("CREATE CHANGEFEED FOR t INTO 'null://'", { showsScopes: false }).notices, [])
})

test('the word NULL is no text of an option, nor a sink', () => {
  const table: [sql: string, message: RegExp, hint: RegExp][] = [
    ["INTO 'null://' WITH metrics_label = NULL", /^option "metrics_label" was given NULL$/, /^give it a value/],
    ["INTO 'null://' WITH resolved = null", /^option "resolved" was given NULL$/, /leave the option out$/],
    ["INTO 'null://' WITH updated = NULL", /^option "updated" was given NULL$/, /leave the option out$/],
    ['INTO NULL', /^the sink was given NULL$/, /in quotes/],
    ["INTO 'null://' WITH virtual_columns = null", /^virtual_columns=null is not supported yet$/, /options/],
  ]
  for (const [sql, message, hint] of table) {
    assert.throws(
      () => planFor(`CREATE CHANGEFEED FOR t ${sql}`),
      (error: FeedError) => {
        assert.match(error.message, message)
        assert.match(error.hint ?? '', hint)
        return true
      },
      sql,
    )
  }
  assert.equal(planFor("CREATE CHANGEFEED FOR t INTO 'null://' WITH metrics_label = 'NULL'").spec.scope, 'null')
})

test('a target keeps the name of its table beside the topic that the sink gives it', () => {
  const targets = (sink: string): unknown => planFor(`CREATE CHANGEFEED FOR t INTO '${sink}'`).spec.targets
  const t = { relid: 1, tableName: 't' }
  assert.deepEqual(targets('kafka://h'), [{ ...t, topic: 't' }])
  assert.deepEqual(targets('kafka://h?topic_prefix=p_'), [{ ...t, topic: 'p_t', name: 't' }])
})

test('format=avro needs a schema registry', () => {
  for (const format of ['avro', 'experimental_avro']) {
    assert.throws(() => planFor(`CREATE CHANGEFEED FOR t INTO 'kafka://h' WITH format = ${format}`), {
      message: 'WITH option confluent_schema_registry is required for format=avro',
      code: 'FEED_OPTION',
      hint: "name the schema registry: confluent_schema_registry = 'http://host:8081'",
    })
  }
})

test('a sink that does not carry a format says so before anything is asked that the format needs', () => {
  for (const [sink, format] of [
    ['nodelocal://1/x', 'avro'],
    ['s3://b?AUTH=implicit', 'avro'],
    ['webhook-https://h', 'experimental_avro'],
    ['gcpubsub://p?region=r&AUTH=implicit', 'avro'],
    ['kafka://h', 'parquet'],
  ])
    assert.throws(
      () => planFor(`CREATE CHANGEFEED FOR foo INTO '${sink}' WITH format = ${format}`),
      (error: FeedError) => /^this sink is incompatible with format=(avro|parquet)$/.test(error.message),
      sink,
    )
  assert.throws(() => planFor("CREATE CHANGEFEED FOR t INTO 'kafak://h' WITH format = avro"), {
    message: /confluent_schema_registry is required/,
  })
})

test('format=csv takes what a line of columns has a place for', () => {
  const planned = (options: string): unknown => planFor(`CREATE CHANGEFEED FOR t WITH format = csv, ${options}`).spec
  assert.ok(planned("initial_scan = 'only'"))
  assert.ok(planned('initial_scan_only, envelope = row, full_table_name'))
  const refusals = [
    ['resolved', "cannot specify both initial_scan='only' and resolved"],
    ['diff', "cannot specify both initial_scan='only' and diff"],
    ['updated', "cannot specify both initial_scan='only' and updated"],
    ['mvcc_timestamp', "cannot specify both initial_scan='only' and mvcc_timestamp"],
    ['key_in_value', 'key_in_value is not supported with format=csv'],
    ['topic_in_value', 'topic_in_value is not supported with format=csv'],
    ['envelope = key_only', 'envelope=key_only is not supported with format=csv'],
    ['envelope = enriched', 'envelope=enriched is only usable with format=json/avro/protobuf'],
    ['encode_json_value_null_as_object', 'encode_json_value_null_as_object is only usable with format=json'],
    ['csv_header', 'this sink is incompatible with option csv_header'],
  ] as const
  for (const [option, message] of refusals) {
    assert.throws(() => planned(`initial_scan = 'only', ${option}`), { message }, option)
  }
  for (const option of ['initial_scan', 'no_initial_scan', 'updated']) {
    assert.throws(() => planned(option), {
      message: 'format=csv is only usable with initial_scan_only',
      hint: "it has rows and no changes: add initial_scan = 'only', or choose another format",
    })
  }
  assert.throws(() => planFor('CREATE CHANGEFEED FOR t WITH csv_header'), {
    message: 'csv_header is only usable with format=csv',
  })
})

test('a value of an option that cannot be read has a hint what was meant', () => {
  const timestamps =
    "a timestamp, in UTC unless it names a zone: '2026-01-31 12:00:00'; a decimal, as in updated and resolved messages: '1769860800000000000.0000000000'; or an interval"
  const duration = 'a duration is a number with its unit, such as 10s, 5m or 500ms'
  const table: [options: string, message: RegExp, hint: string | undefined][] = [
    ["format = 'avor'", /^unknown format: avor, valid values are 'json', 'avro', /, 'did you mean avro?'],
    ["format = 'PROTOBUFF'", /^unknown format: PROTOBUFF, /, 'did you mean protobuf? It is not supported yet'],
    ["format = 'hunter2'", /^unknown format: hunter2, /, undefined],
    ["on_error = 'puase'", /^unknown on_error: puase, /, 'did you mean pause?'],
    [
      "enriched_properties = 'shcema'",
      /^unknown enriched_properties: shcema, /,
      'did you mean schema? It is not supported yet',
    ],
    [
      'resolved = true',
      /^problem parsing option resolved: /,
      `${duration}; resolved alone, without a value, is enough, too`,
    ],
    ['resolved = false', /^problem parsing option resolved: /, `leave resolved out to turn it off; ${duration}`],
    ['min_checkpoint_frequency = often', /^problem parsing option min_checkpoint_frequency: /, duration],
    ["cursor = 'yesterday'", /^cursor: value 'yesterday' is neither /, `${timestamps} before now: '-1h'`],
    ["end_time = 'tomorrow'", /^end_time: value 'tomorrow' is neither /, `${timestamps} from now: '1h'`],
  ]
  for (const [options, message, hint] of table) {
    const error = errorOf(`CREATE CHANGEFEED FOR t INTO 'kafka://h' WITH ${options}`)
    assert.match(error.message, message)
    assert.equal(error.hint, hint, options)
  }
})

test('the examples of a hint about cursor are read', () => {
  const { hint = '' } = errorOf("CREATE CHANGEFEED FOR t WITH cursor = 'yesterday'")
  const examples = [...hint.matchAll(/'([^']+)'/g)].map(([, text]) => text)
  assert.equal(examples.length, 3)
  for (const text of examples) assert.ok(planFor(`CREATE CHANGEFEED FOR t WITH cursor = '${text}'`).spec.cursor)
})

test('format=protobuf is said not to be supported yet, also by a sink that could not carry it', () => {
  const sql = (into: string): string => `CREATE CHANGEFEED FOR t ${into} WITH format = protobuf`
  assert.equal(errorOf(sql("INTO 'kafka://h'")).message, 'format=protobuf is not supported yet')
  const { message, hint } = errorOf(sql(''))
  assert.equal(message, 'this sink is incompatible with format=protobuf')
  assert.match(hint ?? '', /^format=protobuf is not supported yet; a sink of .* takes format=json, /)
})

test('a name of a topic or of a subject that would have to be cut is refused: two tables could get the same', () => {
  const long = 'x'.repeat(249)
  const refusal = (into: string, options = ''): FeedError =>
    errorOf(`CREATE CHANGEFEED FOR t INTO 'kafka://h?${into}'${options}`)
  const prefixed = refusal(`topic_prefix=${long}`)
  assert.equal(
    prefixed.message,
    'the topic of table "t" would have a name of 250 characters, and Kafka takes at most 249',
  )
  assert.match(prefixed.hint ?? '', /^shorten topic_prefix, leave full_table_name out, or .* topic_name; .*_u2603_$/)
  const named = refusal(`topic_name=${'%E2%98%83'.repeat(36)}`)
  assert.equal(named.message, 'the topic of table "t" would have a name of 252 characters, and Kafka takes at most 249')
  assert.match(named.hint ?? '', /^shorten topic_name or topic_prefix; /)
  assert.equal(planFor(`CREATE CHANGEFEED FOR t INTO 'kafka://h?topic_name=${long}'`).spec.targets[0]?.topic, long)
  const subject = refusal(
    'topic_name=x',
    ` WITH format = avro, confluent_schema_registry = 'http://h', avro_schema_prefix = '${long}'`,
  )
  assert.equal(subject.message, 'the subjects of table "t" would have a name of 250 characters, and the most are 249')
  const odd = '!'.repeat(36)
  assert.throws(
    () =>
      planFor(
        `CREATE CHANGEFEED FOR "${odd}" INTO 'kafka://h?topic_name=x' WITH format = avro, confluent_schema_registry = 'http://h'`,
      ),
    {
      message: `the subjects of table "${odd}" would have a name of 252 characters, and the most are 249`,
      hint: /^rename the table; /,
    },
  )
  assert.match(subject.hint ?? '', /^shorten avro_schema_prefix, /)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { optionFits, type OptionFit } from './option-fits.ts'
import { isOptionName } from './options.ts'

function fits(
  sinkText: string,
  options: Readonly<Record<string, string | undefined>> = {},
): (name: string) => OptionFit {
  const given = new Map(
    Object.entries(options).map(([name, text]) => {
      assert.ok(isOptionName(name))
      return [name, { name, text, position: 0 }]
    }),
  )
  const all = optionFits({ given, sinkText, tables: [] })
  return (name) => {
    const found = all.find((fit) => fit.name === name)
    assert.ok(found !== undefined, name)
    return found
  }
}

test('an option of another sink is refused in the words of the statement, and every option fits where no sink is chosen', () => {
  const kafka = fits('kafka://localhost:9092')
  assert.equal(kafka('webhook_auth_header').reason, 'this sink is incompatible with option webhook_auth_header')
  assert.equal(kafka('kafka_sink_config').reason, undefined)
  assert.equal(fits('')('webhook_auth_header').reason, undefined)
  assert.equal(fits('nosuch://x')('webhook_auth_header').reason, undefined)
})

test('a sink refuses single formats and envelopes', () => {
  const webhook = fits('webhook-https://hook.example')
  assert.match(
    String(webhook('format').values['avro']),
    /^this sink is incompatible with format=avro; a sink of webhook takes format=json/,
  )
  assert.equal(webhook('format').values['json'], undefined)
  assert.equal(webhook('format').reason, undefined)
  assert.equal(webhook('envelope').values['key_only'], 'this sink is incompatible with envelope=key_only')
})

test('a format refuses options, and one that needs an option fits before that is given', () => {
  const json = fits('kafka://h')
  assert.match(
    String(json('confluent_schema_registry').reason),
    /^confluent_schema_registry is only usable with format=avro/,
  )
  assert.equal(json('format').values['avro'], undefined)
  const avro = fits('kafka://h', { format: 'avro' })
  assert.equal(avro('confluent_schema_registry').reason, undefined)
  assert.match(String(avro('key_in_value').reason), /key_in_value is not supported with format=avro/)
  assert.equal(avro('updated').reason, undefined)
})

test('options refuse one another, also those that are chosen already, and a fault of others is not theirs', () => {
  const scan = fits('kafka://h', { initial_scan: 'only', updated: undefined, format: 'avro' })
  assert.equal(scan('diff').reason, "cannot specify both initial_scan='only' and diff")
  assert.equal(scan('updated').reason, "cannot specify both initial_scan='only' and updated")
  assert.equal(scan('initial_scan').values['only'], "cannot specify both initial_scan='only' and updated")
  assert.equal(scan('initial_scan').values['yes'], undefined)
  assert.equal(scan('metrics_label').reason, undefined)
  const clash = fits('kafka://h', { initial_scan: 'only', updated: undefined, resolved: undefined })
  assert.match(String(clash('unordered').reason), /^unordered is not usable with resolved/)
})

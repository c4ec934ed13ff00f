import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kafkaTopicName } from './kafka-name.ts'

const cases: readonly (readonly [string, string])[] = [
  ['foo', 'foo'],
  ['0123456789_-.', '0123456789_-.'],
  ['!', '_u0021_'],
  ['!@#$%^&*()', '_u0021__u0040__u0023__u0024__u0025__u005e__u0026__u002a__u0028__u0029_'],
  ['foo!bar', 'foo_u0021_bar'],
  ['foo_u0021_bar', 'foo_u005f__u0075__u0030__u0030__u0032__u0031__u005f_bar'],
  ['/', '_u002f_'],
  ['☃', '_u2603_'],
  ['\x00', '_u0000_'],
  ['\x80', '_u0080_'],
  ['\u{10000}', '_u10000_'],
  ['\u{10ffff}', '_u0010ffff_'],
  ['.', '_u002e_'],
  ['..', '_u002e__u002e_'],
  ['d.public.foo', 'd.public.foo'],
]

test('names become topics that Kafka takes, and can be told apart', () => {
  for (const [name, topic] of cases) assert.equal(kafkaTopicName(name), topic, name)
})

test('a name is cut at 249 bytes', () => {
  assert.equal(kafkaTopicName('x'.repeat(300)), 'x'.repeat(249))
})

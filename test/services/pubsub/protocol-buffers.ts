// Reads the fields of a message in protocol buffers, as far as the messages of Pub/Sub have them: all with a length.

import assert from 'node:assert/strict'

export interface Field {
  readonly number: number
  readonly value: Buffer
}

export function fieldsOf(message: Buffer): readonly Field[] {
  const fields: Field[] = []
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++]
      assert.ok(byte !== undefined && shift < 35, 'a number ends within the message')
      value += (byte & 127) * 2 ** shift
      if (byte < 128) return value
    }
  }
  while (at < message.length) {
    const tag = varint()
    assert.equal(tag & 7, 2, 'the field has a length')
    const length = varint()
    assert.ok(at + length <= message.length, 'the field ends within the message')
    fields.push({ number: tag >>> 3, value: message.subarray(at, at + length) })
    at += length
  }
  return fields
}

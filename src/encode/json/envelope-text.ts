// The texts of a message between its values, in the envelopes that json-encoder.ts shows.

export const envelopeText = {
  after: Buffer.from('{"after": '),
  before: Buffer.from(', "before": '),
  key: Buffer.from(', "key": '),
  mvcc: Buffer.from(', "mvcc_timestamp": "'),
  topic: Buffer.from(', "topic": '),
  updated: Buffer.from(', "updated": "'),
  null: Buffer.from('null'),
} as const

// A schema registry in memory, and what avsc reads from messages with its schemas.

import assert from 'node:assert/strict'
import type { SchemaRegistry } from '../../src/schema-registry/schema-registry.ts'
import { avroType } from '../services/registry/avro-decoder.ts'

export interface DecodedMessage {
  /** Values of unions are objects whose member is the branch, or null; longs are bigints. */
  readonly value: unknown
  /** The value in Avro's JSON encoding. */
  readonly text: string
}

export class MemoryRegistry implements SchemaRegistry {
  /** The schemas by their ids, from 1 on. */
  readonly registered: { readonly subject: string; readonly schema: string }[] = []

  register(subject: string, schema: string): number {
    const known = this.registered.findIndex((one) => one.subject === subject && one.schema === schema)
    return known < 0 ? this.registered.push({ subject, schema }) : known + 1
  }

  get subjects(): readonly string[] {
    return this.registered.map(({ subject }) => subject)
  }

  schema(id: number): string {
    return this.registered[id - 1]?.schema ?? assert.fail(`there is no schema ${id}`)
  }

  /** Reads a message of 0, the id of its schema, and a value. */
  decode(message: Buffer): DecodedMessage {
    const type = avroType(JSON.parse(this.schema(message.readInt32BE(1))))
    const value: unknown = type.fromBuffer(message.subarray(5))
    return { value, text: type.toString(value) }
  }
}

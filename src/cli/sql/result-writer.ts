// What every writer of results is, and how each of them shows a field.

import { typeOids } from '../../wire/type-oids.ts'
import { bytesText } from './bytes-text.ts'

export interface ResultColumn {
  readonly name: string
  readonly typeOid: number
}

export type Fields = readonly (string | null)[]

export interface ResultWriter {
  head(): string
  row(fields: Fields): string
  end(): string
}

/** A field as it is shown; null for NULL. */
export function shown(field: string | null, column: ResultColumn | undefined): string | null {
  return field !== null && column?.typeOid === typeOids.bytea ? bytesText(field) : field
}

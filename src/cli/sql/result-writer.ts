// The interface of the writers of results, and how all of them print a field.

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

/** Returns the text of a field; null for NULL. */
export function shown(field: string | null, column: ResultColumn | undefined): string | null {
  return field !== null && column?.typeOid === typeOids.bytea ? bytesText(field) : field
}

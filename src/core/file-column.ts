// A column of a file with typed columns (Parquet). The encoder of such a format writes the values of a row as fields, in the order of the columns:
//
//   i32 length (big-endian; -1: NULL)  bytes: the text that PostgreSQL prints for the type
//
// The sink makes columns of the fields.

import type { TypeShape } from './table.ts'

export interface FileColumn {
  readonly name: string
  readonly shape: TypeShape
}

// Shapes of PostgreSQL's own types by oid: for columns that no description names yet.

import type { TypeShape } from '../core/table.ts'

const scalars: Readonly<Record<number, string>> = {
  16: 'bool', 17: 'bytea', 18: 'char', 19: 'name', 20: 'int8', 21: 'int2', 23: 'int4', 25: 'text', 26: 'oid',
  114: 'json', 650: 'cidr', 700: 'float4', 701: 'float8', 790: 'money', 829: 'macaddr', 869: 'inet', 1042: 'bpchar',
  1043: 'varchar', 1082: 'date', 1083: 'time', 1114: 'timestamp', 1184: 'timestamptz', 1186: 'interval', 1266: 'timetz',
  1560: 'bit', 1562: 'varbit', 1700: 'numeric', 2950: 'uuid', 3802: 'jsonb',
}

const arrays: Readonly<Record<number, number>> = {
  1000: 16, 1001: 17, 1003: 19, 1005: 21, 1007: 23, 1009: 25, 1014: 1042, 1015: 1043, 1016: 20, 1021: 700, 1022: 701,
  1028: 26, 1041: 869, 1115: 1114, 1182: 1082, 1183: 1083, 1185: 1184, 1187: 1186, 1231: 1700, 199: 114, 2951: 2950,
  3807: 3802,
}

/** Anything unknown prints as its text. */
export function shapeOfType(oid: number): TypeShape {
  const element = arrays[oid]
  if (element !== undefined) return { tag: 'array', element: shapeOfType(element), delimiter: ',' }
  return { tag: 'scalar', name: scalars[oid] ?? 'unknown' }
}

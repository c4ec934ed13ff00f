// The shapes of PostgreSQL's own types by oid, which never changes. They are used for columns that no description of the
// table contains yet. The list contains the types whose values do not print as a string, the arrays, and the ranges.

import type { TypeShape } from './table.ts'

// oxfmt-ignore
const scalars: ReadonlyMap<number, string> = new Map([
  [16, 'bool'], [17, 'bytea'], [20, 'int8'], [21, 'int2'], [23, 'int4'], [25, 'text'], [114, 'json'], [650, 'cidr'],
  [700, 'float4'], [701, 'float8'], [869, 'inet'], [1042, 'bpchar'], [1043, 'varchar'], [1082, 'date'], [1083, 'time'],
  [1114, 'timestamp'], [1184, 'timestamptz'], [1186, 'interval'], [1266, 'timetz'], [1560, 'bit'], [1562, 'varbit'],
  [1700, 'numeric'], [2950, 'uuid'], [3802, 'jsonb'],
])

// oxfmt-ignore
const elements: ReadonlyMap<number, number> = new Map([
  [143, 142], [199, 114], [271, 5069], [629, 628], [651, 650], [719, 718], [775, 774], [791, 790], [1000, 16], [1001, 17],
  [1002, 18], [1003, 19], [1005, 21], [1006, 22], [1007, 23], [1008, 24], [1009, 25], [1010, 27], [1011, 28], [1012, 29],
  [1013, 30], [1014, 1042], [1015, 1043], [1016, 20], [1017, 600], [1018, 601], [1019, 602], [1020, 603], [1021, 700],
  [1022, 701], [1027, 604], [1028, 26], [1034, 1033], [1040, 829], [1041, 869], [1115, 1114], [1182, 1082], [1183, 1083],
  [1185, 1184], [1187, 1186], [1231, 1700], [1270, 1266], [1561, 1560], [1563, 1562], [2201, 1790], [2207, 2202],
  [2208, 2203], [2209, 2204], [2210, 2205], [2211, 2206], [2949, 2970], [2951, 2950], [3221, 3220], [3643, 3614],
  [3644, 3642], [3645, 3615], [3735, 3734], [3770, 3769], [3807, 3802], [3905, 3904], [3907, 3906], [3909, 3908],
  [3911, 3910], [3913, 3912], [3927, 3926], [4073, 4072], [4090, 4089], [4097, 4096], [4192, 4191], [5039, 5038],
  [6150, 4451], [6151, 4532], [6152, 4533], [6153, 4534], [6155, 4535], [6157, 4536],
])

const ranges: ReadonlySet<number> = new Set([3904, 3906, 3908, 3910, 3912, 3926, 4451, 4532, 4533, 4534, 4535, 4536])

const box = 603

/** Returns the shape of a type; a value of an unknown type prints as its text. */
export function shapeOfType(oid: number): TypeShape {
  const element = elements.get(oid)
  if (element !== undefined)
    return { tag: 'array', element: shapeOfType(element), delimiter: element === box ? ';' : ',' }
  return ranges.has(oid) ? { tag: 'range' } : { tag: 'scalar', name: scalars.get(oid) ?? 'text' }
}

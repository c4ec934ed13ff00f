import { listText } from '../amounts.ts'
import { ok, type TableCheck } from '../finding.ts'

/** Types whose values have a form of their own in messages, or are text by themselves. */
const known: ReadonlySet<string> = new Set(
  'int2 int4 int8 float4 float8 numeric bool bytea json jsonb timestamp timestamptz date time timetz interval uuid inet cidr bit varbit text varchar bpchar char name'.split(
    ' ',
  ),
)

export const types: TableCheck = {
  id: 'types',
  about: "Which columns have a type that is printed as PostgreSQL's text.",
  judge({ columns }) {
    const texts = columns.filter(({ base, isBuiltIn, kind }) => kind !== 'c' && !(isBuiltIn && known.has(base)))
    if (texts.length === 0) return ok('every type has a form of its own in messages')
    return ok(
      `printed as PostgreSQL's text: ${listText(
        texts.map(({ name, type }) => `${name} (${type})`),
        20,
      )}`,
    )
  },
}

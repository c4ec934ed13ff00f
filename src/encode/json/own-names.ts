// The name and the own names of the format, which its facts and its encoder need.

import type { NamedFormat } from '../format-facts.ts'

/** The member of a row with what is not in its columns, in the envelope `row`. */
const metadata = '__crdb__'

export const jsonNames: NamedFormat = {
  name: 'json',
  ownNames: ({ envelope, updated, mvccTimestamp }) =>
    envelope === 'row' && (updated || mvccTimestamp) ? [metadata] : [],
}

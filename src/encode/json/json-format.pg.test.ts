import { formatSuite, type Texts } from '../../../test/suites/format-suite.ts'

/** JSON.parse would round large integers. */
function texts(json: string): Texts {
  const values = JSON.parse(json.replaceAll(/-?\d{10,}/g, '"$&"')) as unknown
  return Object.values(values as object).map((value) => (value === null ? null : String(value)))
}

formatSuite('json', {
  key: (bytes) => texts(bytes.toString()),
  row: (bytes) => {
    const after = /^\{"after": (.*)\}$/s.exec(bytes?.toString() ?? '')?.[1] ?? 'null'
    return after === 'null' ? undefined : texts(after)
  },
})

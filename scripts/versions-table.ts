// The end of npm run test:versions: what became of each suite on each PostgreSQL.

import { suiteOf } from './version-suites.ts'

export interface FileOfTarget {
  /** A version and a role, such as `15-prepared`. */
  readonly target: string
  readonly file: string
  readonly outcome: 'passed' | 'passed again' | 'failed'
  /** Its tests. */
  readonly passed: number
}

/** `minutes`: how long each target took, in the order in which they ran. */
export function versionsTable(files: readonly FileOfTarget[], minutes: ReadonlyMap<string, number>): string {
  const names = [...minutes.keys()]
  const suites = Map.groupBy(files, ({ file }) => suiteOf(file))
  const lines = [['', ...names]]
  for (const [suite, ofSuite] of suites)
    lines.push([suite, ...names.map((name) => cell(ofSuite.filter(({ target }) => target === name)))])
  lines.push(['minutes', ...[...minutes.values()].map((each) => each.toFixed(1))])
  const widths = lines[0]?.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0))) ?? []
  const table = lines.map((line) =>
    line.map((text, i) => (i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0))).join('  '),
  )
  const told = (outcome: FileOfTarget['outcome'], words: string): string[] =>
    files.filter((one) => one.outcome === outcome).map(({ target, file }) => `PostgreSQL ${target}: ${file} ${words}`)
  return [
    'Tests that passed; * after the file was run again alone; – the suite is not run there.',
    ...table,
    ...told('passed again', 'passed when it was run again alone'),
    ...told('failed', 'FAILED'),
  ].join('\n')
}

function cell(files: readonly FileOfTarget[]): string {
  if (files.length === 0) return '–'
  if (files.some(({ outcome }) => outcome === 'failed')) return 'FAILED'
  const passed = files.reduce((sum, file) => sum + file.passed, 0)
  return `${passed}${files.some(({ outcome }) => outcome === 'passed again') ? '*' : ''}`
}

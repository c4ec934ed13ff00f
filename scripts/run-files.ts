// A program of `npm test`: runs the test files that it is given in their order, each in a process of its own. What they say goes to stdout, and what
// became of each file into the file of reports.
//
// `node --test` would sort the files by name. So whatever takes longest might be begun last, and run alone while the other cores have nothing to do.

import { createWriteStream } from 'node:fs'
import { run } from 'node:test'
import { spec as Spec } from 'node:test/reporters'
import reportFiles from './report-files.ts'

/** The only argument, as JSON. */
export interface FilesToRun {
  readonly files: readonly string[]
  readonly atOnce: number
  readonly timeoutMs: number
  /** Only tests whose name contains it. */
  readonly name?: string | undefined
  readonly reports: string
}

const { files, atOnce, timeoutMs, name, reports } = JSON.parse(process.argv[2] ?? '') as FilesToRun
const events = run({
  files: [...files],
  concurrency: atOnce,
  timeout: timeoutMs,
  ...(name === undefined ? {} : { testNamePatterns: [new RegExp(RegExp.escape(name))] }),
})
// A run that does not come to its end has failed.
process.exitCode = 1
events.on('test:summary', ({ file, success }) => {
  if (file === undefined) process.exitCode = success ? 0 : 1
})
events.compose(reportFiles).pipe(createWriteStream(reports))
events.compose(new Spec()).pipe(process.stdout)

// A reporter of node:test: for each test file one line of JSON, with how long it took and how many of its tests did what.
// A file whose process ended before its time has none.

export interface FileReport {
  /** Below the root. */
  readonly file: string
  readonly isPassed: boolean
  readonly seconds: number
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

interface Counts {
  readonly passed: number
  readonly failed: number
  readonly cancelled: number
  readonly skipped: number
}

interface TestEvent {
  readonly type: string
  readonly data: {
    readonly file?: string
    readonly success?: boolean
    readonly duration_ms?: number
    readonly counts?: Counts
  }
}

export default async function* reportFiles(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of events) {
    const { file, success = false, duration_ms: duration = 0, counts } = data
    // The last summary is of all files together.
    if (type !== 'test:summary' || file === undefined || counts === undefined) continue
    const { passed, skipped, failed, cancelled } = counts
    const report = { file, isPassed: success, seconds: duration / 1000, passed, failed: failed + cancelled, skipped }
    yield `${JSON.stringify(report satisfies FileReport)}\n`
  }
}

/** What the reporter has written, and a failure for each file that it says nothing of. */
export function readReports(text: string, { files, root }: { files: readonly string[]; root: string }): FileReport[] {
  const reports = new Map<string, FileReport>()
  for (const line of text.split('\n')) {
    if (line === '') continue
    const report = JSON.parse(line) as FileReport
    const file = report.file.startsWith(root) ? report.file.slice(root.length) : report.file
    reports.set(file, { ...report, file })
  }
  const none = { isPassed: false, seconds: 0, passed: 0, failed: 0, skipped: 0 }
  return files.map((file) => reports.get(file) ?? { file, ...none })
}

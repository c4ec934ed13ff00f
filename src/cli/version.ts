// changefeed version

import { packageVersion } from '../core/package-version.ts'

export async function version(): Promise<number> {
  process.stdout.write(
    `pg-changefeed ${packageVersion()} (Node.js ${process.versions.node}, ${process.platform}-${process.arch})\n`,
  )
  return 0
}

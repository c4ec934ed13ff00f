// changefeed version

import { readFileSync } from 'node:fs'

export function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  return manifest.version
}

export async function version(): Promise<number> {
  process.stdout.write(
    `pg-changefeed ${packageVersion()} (Node.js ${process.versions.node}, ${process.platform}-${process.arch})\n`,
  )
  return 0
}

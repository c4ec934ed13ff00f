// A browser for tests of the console: the system's Chromium, in a profile of its own that goes with it. Where there is none, root installs
// Debian's; otherwise the test fails and says what to do.

import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type BrowserContext } from 'playwright-core'
import { installPackage } from '../services/debian-program.ts'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** Where the pictures stay. A run of the tests says it, because its own folder for temporary files goes with it. */
export const picturesDir = process.env['CHANGEFEED_TEST_PICTURES'] ?? join(tmpdir(), 'changefeed-console-pictures')

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export interface TestBrowser extends AsyncDisposable {
  readonly context: BrowserContext
}

export async function openBrowser(): Promise<TestBrowser> {
  const executablePath = findChromium()
  mkdirSync(picturesDir, { recursive: true })
  const profile = mkdtempSync(join(tmpdir(), 'changefeed-chromium-'))
  const context = await chromium.launchPersistentContext(profile, { executablePath, headless: true, args: flags })
  return {
    context,
    async [Symbol.asyncDispose]() {
      await context.close()
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

function findChromium(): string {
  const found = places.find((place) => existsSync(place))
  if (found !== undefined) return found
  installPackage('chromium')
  const installed = places.find((place) => existsSync(place))
  if (installed !== undefined) return installed
  throw new Error('the tests of the console need Chromium: apt-get install chromium')
}

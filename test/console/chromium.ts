// A browser for tests of the console: the system's Chromium, in a profile of its own that goes with it. Where there is none, root installs
// Debian's; otherwise the test fails and says what to do.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { chromium, type BrowserContext } from 'playwright-core'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** Where the pictures of a run stay: beside the folder of the run, which goes with it, and not in the checkout. */
const besides = basename(tmpdir()).startsWith('pgcf-run-') ? dirname(tmpdir()) : tmpdir()
export const picturesDir = process.env['CHANGEFEED_TEST_PICTURES'] ?? join(besides, 'changefeed-console-pictures')

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
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    const wait = ['-o', 'DPkg::Lock::Timeout=300', '-y', '-qq']
    spawnSync('apt-get', [...wait, 'update'], { stdio: 'inherit' })
    spawnSync('apt-get', [...wait, 'install', '--no-install-recommends', 'chromium'], {
      stdio: 'inherit',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
    const installed = places.find((place) => existsSync(place))
    if (installed !== undefined) return installed
  }
  throw new Error('the tests of the console need Chromium: apt-get install chromium')
}

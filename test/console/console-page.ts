// A page of the console under test: what it must not do is noticed, whatever the test looks at.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { patience } from '../support/patience.ts'
import { until } from '../support/until.ts'
import { picturesDir, type TestBrowser } from './chromium.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
/** On a machine that does much else a page takes ten times as long as on one that does nothing. */
const withinMs = 60_000
const mostHeight = 7000

interface AxeFault {
  readonly id: string
  readonly impact: string | null
  readonly help: string
  readonly nodes: readonly { readonly html: string }[]
}

export interface Look {
  readonly width?: number
  readonly scheme?: 'light' | 'dark'
}

export class ConsolePage implements AsyncDisposable {
  readonly page: Page
  readonly #base: string
  readonly #faults: string[] = []
  /** Answers that a test expects to fail, by a part of their address. */
  readonly #expected: string[] = []

  private constructor(page: Page, base: string) {
    this.page = page
    this.#base = base
    page.on('console', (message) => {
      const isExpected = this.#expected.some((part) => message.location().url.includes(part))
      if (['error', 'warning'].includes(message.type()) && !isExpected) this.#faults.push(message.text())
    })
    page.on('pageerror', ({ message }) => this.#faults.push(message))
    page.on('request', (request) => {
      const url = request.url()
      if (!url.startsWith(base) && !url.startsWith('data:') && !url.startsWith('blob:'))
        this.#faults.push(`a request to another server: ${url}`)
    })
  }

  static async open({ context }: TestBrowser, httpPort: number): Promise<ConsolePage> {
    const page = await context.newPage()
    page.setDefaultTimeout(withinMs * patience())
    return new ConsolePage(page, `http://localhost:${httpPort}`)
  }

  /** The browser writes a line about each answer with an error, and that is no fault of the page. */
  expectFailures(part: string): void {
    this.#expected.push(part)
  }

  /** Opens a place of the console, and waits for the heading of its page. */
  async visit(place: string, title: string, { width = 1440, scheme = 'light' }: Look = {}): Promise<void> {
    await this.page.setViewportSize({ width, height: width < 500 ? 844 : 900 })
    await this.page.emulateMedia({ colorScheme: scheme })
    await this.page.goto('about:blank')
    await this.page.goto(`${this.#base}/#${place}`)
    await this.page.getByRole('heading', { level: 1, name: title }).waitFor()
  }

  /** Throws if the page has said anything to the console of the browser, or if axe finds something serious. */
  async check(name: string): Promise<void> {
    await this.#showAll()
    // A page that is higher than this is shown as far as the window goes.
    const fullPage = (await this.#height()) <= mostHeight
    await this.page.screenshot({ path: join(picturesDir, `${name}.png`), fullPage })
    assert.deepEqual(this.#faults, [], name)
    // The policy of the page forbids scripts that are put into it; a script of the tester is none of the page.
    const session = await this.page.context().newCDPSession(this.page)
    try {
      await session.send('Runtime.evaluate', { expression: axe })
      const { result } = await session.send('Runtime.evaluate', {
        expression: `axe.run({ resultTypes: ['violations'] }).then((found) => JSON.stringify(found.violations))`,
        awaitPromise: true,
        returnByValue: true,
      })
      const faults = (JSON.parse(String(result.value)) as AxeFault[]).filter(
        ({ impact }) => impact === 'serious' || impact === 'critical',
      )
      assert.deepEqual(
        faults.map(({ id, help, nodes }) => `${id}: ${help} ${nodes.map(({ html }) => html).join(' ')}`),
        [],
        name,
      )
    } finally {
      await session.detach()
    }
  }

  /** What is not in sight asks for nothing, so the window becomes as high as the page, which grows with what is answered. */
  async #showAll(): Promise<void> {
    const width = this.page.viewportSize()?.width ?? 1440
    await until('everything is loaded', withinMs, async () => {
      await this.page.setViewportSize({ width, height: Math.min(mostHeight, Math.max(600, await this.#height())) })
      return (await this.page.getByText(/^Loading/).count()) === 0 ? true : undefined
    })
  }

  async #height(): Promise<number> {
    return Number(await this.page.evaluate('document.documentElement.scrollHeight'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.close()
  }
}

// What a step expects, checked against a feed. Messages of one `expect` may come in any order across keys; those of one
// key come in the order written. Besides messages a step may expect a few things in words.

import assert from 'node:assert/strict'
import { parseHlc } from '../support/parse-hlc.ts'
import type { SinklessFeed } from '../feed/sinkless-feed.ts'
import { until } from '../support/until.ts'
import { checkField } from './check-field.ts'
import { checkRows, writtenAs } from './check-rows.ts'
import type { Placeholders } from './placeholders.ts'

export class Expectations {
  readonly #feed: SinklessFeed
  readonly #placeholders: Placeholders
  /** Row messages that steps have accounted for. */
  #seen = 0

  constructor(feed: SinklessFeed, placeholders: Placeholders) {
    this.#feed = feed
    this.#placeholders = placeholders
  }

  async check(texts: readonly string[]): Promise<void> {
    const messages: string[] = []
    for (const text of texts) {
      if (!(await this.#checkWords(text))) messages.push(text)
    }
    if (messages.length > 0) await this.#checkRows(messages)
  }

  /** Nothing came that no step expected, and the feed has not ended with an error unless one was expected. */
  end({ mayFail }: { readonly mayFail: boolean }): void {
    if (!mayFail && this.#feed.error !== undefined) throw this.#feed.error
    assert.deepEqual(this.#feed.texts.slice(this.#seen), [])
    assert.deepEqual(this.#feed.failures, [])
  }

  async #checkWords(text: string): Promise<boolean> {
    const feed = this.#feed
    if (text === 'job state becomes succeeded') {
      await feed.ended
      assert.equal(feed.error, undefined)
    } else if (text.startsWith('field ')) {
      const [row] = await feed.row(1)
      this.#seen = 1
      checkField(text, row?.value ?? '')
    } else if (text === 'one resolved timestamp') {
      await feed.resolvedPast({ wall: 0n, logical: 0 })
    } else if (text.startsWith('a resolved timestamp strictly greater than ')) {
      const ts = parseHlc(this.#placeholders.fill(`<${/than (\w+)/.exec(text)?.[1]}>`))
      assert.ok(ts !== undefined)
      await feed.resolvedPast(ts)
    } else if (text === 'no notice') {
      await this.accepted()
      assert.deepEqual(feed.notices, [])
    } else if (text.startsWith('NOTICE: ')) {
      await until(`${text} (there are: ${feed.notices.join(' | ')})`, 5000, () => {
        if (feed.error !== undefined) throw feed.error
        return feed.notices.includes(text.slice('NOTICE: '.length)) ? true : undefined
      })
    } else if (/^\{.*resolved/.test(text)) {
      await feed.resolvedPast({ wall: 0n, logical: 0 })
      const resolved = feed.messages.find(({ topic }) => topic === undefined)
      assert.match(resolved?.value ?? '', this.#placeholders.pattern(text))
    } else return false
    return true
  }

  /** The statement was accepted: it ended well, or goes on past its notices. */
  async accepted(): Promise<void> {
    await Promise.race([this.#feed.ended, this.#feed.row(1)])
    assert.equal(this.#feed.error, undefined)
  }

  async #checkRows(wanted: readonly string[]): Promise<void> {
    await this.#feed.row(this.#seen + wanted.length)
    const came = this.#feed.rows.slice(this.#seen, this.#seen + wanted.length)
    this.#seen += wanted.length
    const texts = came.map((message) => writtenAs(wanted[0] ?? '', message))
    checkRows(texts, wanted, this.#placeholders)
  }
}

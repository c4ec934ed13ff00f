// Gathers what graphs ask the server for. What the graphs of a page ask for at the same moment goes into few requests: a browser has only six
// at a time, and each costs the server a check of who asks.

import type { SeriesAnswers } from '../../../src/server/api/answers.ts'

type Answer = SeriesAnswers['answers'][number]

/** What the server takes in one request. */
const mostNames = 20
/** The graphs of a page begin to ask within the same moment. */
const gatherMs = 5

interface Asked {
  readonly name: string
  readonly signal: AbortSignal
  readonly resolve: (answer: Answer | undefined) => void
  readonly reject: (error: unknown) => void
}

export interface AskedOptions {
  readonly from: number
  readonly to: number
  readonly step: number
  readonly [option: string]: string | number | readonly string[] | undefined
}

/** Makes one request. */
export type AskTogether = (
  names: readonly string[],
  options: AskedOptions,
  signal: AbortSignal,
) => Promise<readonly Answer[]>

export class GatheredSeries {
  readonly #ask: AskTogether
  readonly #isRefused: (error: unknown) => boolean
  /** By what they have in common besides names. */
  readonly #gathered = new Map<string, Asked[]>()

  /** `isRefused`: whether an error is about what was asked for. */
  constructor(ask: AskTogether, isRefused: (error: unknown) => boolean) {
    this.#ask = ask
    this.#isRefused = isRefused
  }

  /** Undefined: the server has not answered for this name. */
  ask(name: string, options: AskedOptions, signal: AbortSignal): Promise<Answer | undefined> {
    return new Promise((resolve, reject) => {
      const key = JSON.stringify(options)
      const asked = { name, signal, resolve, reject }
      const others = this.#gathered.get(key)
      if (others !== undefined) {
        others.push(asked)
        return
      }
      const all = [asked]
      this.#gathered.set(key, all)
      setTimeout(() => {
        this.#gathered.delete(key)
        this.#send(all, options)
      }, gatherMs)
    })
  }

  #send(all: readonly Asked[], options: AskedOptions): void {
    for (const { signal, reject } of all) if (signal.aborted) reject(signal.reason)
    const wanted = all.filter(({ signal }) => !signal.aborted)
    const names = [...new Set(wanted.map(({ name }) => name))]
    for (let at = 0; at < names.length; at += mostNames) {
      const some = names.slice(at, at + mostNames)
      const asked = wanted.filter(({ name }) => some.includes(name))
      void this.#request(some, asked, options)
    }
  }

  async #request(names: readonly string[], asked: readonly Asked[], options: AskedOptions): Promise<void> {
    const abort = new AbortController()
    // A request is given up when nobody waits for any of it.
    const look = (): void => {
      if (asked.every(({ signal }) => signal.aborted)) abort.abort()
    }
    for (const { signal } of asked) signal.addEventListener('abort', look, { once: true })
    try {
      const answers = await this.#ask(names, options, abort.signal)
      for (const { name, resolve } of asked) resolve(answers.find((answer) => answer.name === name))
    } catch (error) {
      if (this.#isRefused(error) && names.length > 1) {
        // A metric that there is not is the matter of the graph that wants it.
        for (const name of names)
          void this.#request(
            [name],
            asked.filter((one) => one.name === name),
            options,
          )
      } else for (const { reject } of asked) reject(error)
    } finally {
      for (const { signal } of asked) signal.removeEventListener('abort', look)
    }
  }
}

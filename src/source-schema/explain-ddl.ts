// Explains why a database refuses DDL of ours. An event trigger of somebody else may refuse every DDL command, and its error
// says nothing of changefeeds.

import { FeedError } from '../errors/feed-error.ts'

/** Settles as `work` does, with an explained error. `what` says what was not done, as the beginning of a sentence. */
export async function explainDdl<T>(what: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    const culprit = error instanceof FeedError ? functionOfOthers(error) : undefined
    if (!(error instanceof FeedError) || culprit === undefined) throw error
    throw new FeedError(error.code, `${what}: ${error.message}`, {
      sqlstate: error.sqlstate,
      detail: error.detail,
      hint: `an event trigger of the database refuses it with function ${culprit}${error.hint === undefined ? '' : ` (${error.hint})`}; let it pass what session_user root does, or ALTER EVENT TRIGGER ... DISABLE for as long as a changefeed starts`,
      cause: error,
    })
  }
}

/** Returns the function that raised an error, unless the function is ours. */
function functionOfOthers({ context = '' }: FeedError): string | undefined {
  const functions = [...context.matchAll(/^PL\/pgSQL function (?!inline_code_block)(.+?) line \d+ at /gm)]
  const [, name] = functions[0] ?? []
  return name?.startsWith('changefeed.') === true ? undefined : name
}

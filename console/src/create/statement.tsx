// The statement that the form has written, without secrets until somebody asks for them.

import { useState } from 'react'
import type { DraftAnswer } from '../../../src/server/api/answers.ts'
import { CopyButton, Failure, Loading, Sql } from '../ui/parts.tsx'
import type { AnswerState } from '../use-answer.ts'

interface StatementProps {
  readonly draft: AnswerState<DraftAnswer>
  /** The whole URI is hidden, whatever of it is secret. */
  readonly isHidden: boolean
}

export function Statement({ draft: { answer, error, isBusy }, isHidden }: StatementProps) {
  const [isShown, setShown] = useState(false)
  const hasSecrets = answer?.hasSecrets === true
  const text = (isShown && hasSecrets ? answer.statement : answer?.shown) ?? ''
  return (
    <>
      <div className="card-head">
        <h2 id="result">4. Statement</h2>
        <div className="row">
          {hasSecrets && !isHidden ? (
            <button type="button" className="button plain" aria-pressed={isShown} onClick={() => setShown(!isShown)}>
              {isShown ? 'Hide secrets' : 'Show secrets'}
            </button>
          ) : null}
          <CopyButton
            text={answer?.statement ?? ''}
            what="the statement"
            label={hasSecrets ? 'Copy with secrets' : 'Copy'}
          />
        </div>
      </div>
      <div className="card-body flush stack">
        <Failure error={error} />
        {answer === undefined ? (
          error === undefined && <Loading what="the statement" />
        ) : (
          <div className={isBusy ? 'stale' : ''}>
            <Sql text={isHidden ? withoutUri(answer.shown) : text} />
          </div>
        )}
        {hasSecrets && !isShown ? (
          <p className="muted small">
            Secrets are shown as “redacted”, as SHOW JOBS does. The statement runs with them.
          </p>
        ) : null}
      </div>
    </>
  )
}

function withoutUri(text: string): string {
  return text.replace(/^INTO '(?:[^']|'')*'$/m, "INTO '(hidden)'")
}

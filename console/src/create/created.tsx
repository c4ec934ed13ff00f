import type { CreatedAnswer } from '../../../src/server/api/answers.ts'
import { PageHead } from '../ui/parts.tsx'

export function Created({ created, again }: { readonly created: CreatedAnswer; readonly again: () => void }) {
  return (
    <>
      <PageHead title="Changefeed created" />
      <div className="stack">
        <div className="notice good" role="status">
          <strong>Job {created.job} runs.</strong>
          {created.notices.map((notice) => (
            <div key={notice} className="hint wrap">
              {notice}
            </div>
          ))}
        </div>
        <div className="row">
          <a className="button primary" href={`#/jobs/${created.job}`}>
            To the job
          </a>
          <a className="button" href={`#/tail/${created.job}`}>
            Live tail
          </a>
          <button type="button" className="button" onClick={again}>
            Create another one
          </button>
        </div>
      </div>
    </>
  )
}

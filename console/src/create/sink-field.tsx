// The URI of the sink, with examples.

import type { FormAnswer } from '../../../src/server/api/answers.ts'

interface SinkProps {
  readonly form: FormAnswer | undefined
  readonly sink: string
  readonly setSink: (sink: string) => void
  /** It may contain a password, and somebody may look over the shoulder. */
  readonly isHidden: boolean
  readonly setHidden: (isHidden: boolean) => void
}

export function SinkField({ form, sink, setSink, isHidden, setHidden }: SinkProps) {
  return (
    <section className="card" aria-labelledby="sink">
      <div className="card-head">
        <h2 id="sink">2. Sink</h2>
        <label className="check">
          <input type="checkbox" checked={isHidden} onChange={(event) => setHidden(event.target.checked)} />
          Hide the URI
        </label>
      </div>
      <div className="card-body stack">
        <label className="field">
          <span>URI</span>
          <input
            type={isHidden ? 'password' : 'text'}
            value={sink}
            placeholder="kafka://localhost:9092"
            spellCheck={false}
            autoComplete="off"
            onChange={(event) => setSink(event.target.value.trim())}
          />
        </label>
        <div className="row" role="group" aria-label="Examples of URIs">
          {form?.sinks.map(({ label, schemes, example }) => (
            <button key={label} type="button" className="button" onClick={() => setSink(example ?? `${schemes[0]}://`)}>
              {label}
            </button>
          ))}
        </div>
        <p className="muted small">
          Nothing connects to it before the statement runs. Credentials in it are shown to nobody afterwards.
        </p>
      </div>
    </section>
  )
}

// The choice of tables.

import { useState } from 'react'
import type { TablesAnswer } from '../../../src/server/api/answers.ts'

interface TablesProps {
  readonly tables: TablesAnswer
  readonly chosen: readonly string[]
  readonly choose: (names: readonly string[]) => void
}

export function Tables({ tables, chosen, choose }: TablesProps) {
  const [search, setSearch] = useState('')
  const names = tables.tables.map(({ schema, name, maySelect }) => ({ maySelect, text: nameOf(schema, name) }))
  const shown = names.filter(({ text }) => text.toLowerCase().includes(search.toLowerCase()))
  if (names.length === 0) return <p className="muted">There is no table in this database.</p>
  return (
    <fieldset>
      <legend className="visually-hidden">Tables whose changes are emitted</legend>
      <div className="stack">
        <input
          type="search"
          value={search}
          placeholder="Search tables"
          aria-label="Search tables"
          onChange={(event) => setSearch(event.target.value)}
        />
        <div className="pick" tabIndex={-1}>
          {shown.map(({ text, maySelect }) => (
            <label key={text} className="check">
              <input
                type="checkbox"
                checked={chosen.includes(text)}
                disabled={!maySelect}
                onChange={(event) =>
                  choose(event.target.checked ? [...chosen, text] : chosen.filter((one) => one !== text))
                }
              />
              <span>
                {text}
                {maySelect ? '' : <span className="muted"> (no right to read it)</span>}
              </span>
            </label>
          ))}
          {shown.length === 0 ? <p className="muted empty">No table matches.</p> : null}
        </div>
      </div>
    </fieldset>
  )
}

function nameOf(schema: string, name: string): string {
  const quoted = (text: string): string => (/^[a-z_][a-z0-9_]*$/.test(text) ? text : `"${text.replaceAll('"', '""')}"`)
  return schema === 'public' ? quoted(name) : `${quoted(schema)}.${quoted(name)}`
}

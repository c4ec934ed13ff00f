import { useState, type FormEvent } from 'react'
import type { SessionAnswer } from '../../../src/server/api/answers.ts'
import { post, type ApiError } from '../api.ts'
import { Logo } from '../ui/icon.tsx'
import { Failure } from '../ui/parts.tsx'
import { ServerState } from '../ui/server-state.tsx'

export function Login({
  session,
  hasEnded,
  loggedIn,
}: {
  readonly session: SessionAnswer
  /** Somebody was logged in here until the server ended the session. */
  readonly hasEnded: boolean
  readonly loggedIn: (session: SessionAnswer) => void
}) {
  const [user, setUser] = useState('')
  const [password, setPassword] = useState('')
  const [database, setDatabase] = useState(session.database)
  const [error, setError] = useState<ApiError>()
  const [isBusy, setBusy] = useState(false)
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault()
    setBusy(true)
    try {
      loggedIn(await post<SessionAnswer>('login', { user, password, database }))
    } catch (failure) {
      setError(failure as ApiError)
      setBusy(false)
    }
  }
  return (
    <main className="login">
      <ServerState />
      <form className="card" onSubmit={(event) => void submit(event)} aria-labelledby="login-title">
        <div className="row">
          <Logo size={34} />
          <h1 id="login-title">Log in</h1>
        </div>
        <p className="muted">With a role of PostgreSQL. You see and do here what it may see and do by SQL.</p>
        <label className="field">
          <span>Role</span>
          <input
            type="text"
            value={user}
            onChange={(event) => setUser(event.target.value)}
            autoComplete="username"
            required
            autoFocus
          />
        </label>
        <label className="field">
          <span>Password</span>
          <input
            type="password"
            value={password}
            onChange={(event) => setPassword(event.target.value)}
            autoComplete="current-password"
          />
        </label>
        <label className="field">
          <span>Database</span>
          <input type="text" value={database} onChange={(event) => setDatabase(event.target.value)} required />
        </label>
        {hasEnded && error === undefined ? (
          <div className="notice warn" role="status">
            <strong>Your session has ended.</strong>
            <div className="hint">If you have just asked for something, it was not done.</div>
          </div>
        ) : null}
        <Failure error={error} />
        <button type="submit" className="button primary" disabled={isBusy}>
          {isBusy ? 'Logging in …' : 'Log in'}
        </button>
      </form>
    </main>
  )
}

// The frame around the pages: who is logged in, where one is, and the way to other pages.

import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import type { SessionAnswer } from '../../src/server/api/answers.ts'
import { ApiError, get, post } from './api.ts'
import { Login } from './pages/login.tsx'
import { useRoute } from './route.ts'
import { Session } from './session.ts'
import { currentTheme, onTheme, toggleTheme } from './theme.ts'
import { ErrorBoundary } from './ui/error-boundary.tsx'
import { Icon, Logo, type IconName } from './ui/icon.tsx'
import { Failure, Loading, PageHead } from './ui/parts.tsx'
import { ServerState } from './ui/server-state.tsx'
import { useReturn } from './use-return.ts'
import { Overview } from './pages/overview.tsx'

const Jobs = lazy(async () => ({ default: (await import('./pages/jobs.tsx')).Jobs }))
const Job = lazy(async () => ({ default: (await import('./pages/job.tsx')).Job }))
const Dashboard = lazy(async () => ({ default: (await import('./pages/dashboard.tsx')).Dashboard }))
const CustomChart = lazy(async () => ({ default: (await import('./pages/custom-chart.tsx')).CustomChart }))
const Debug = lazy(async () => ({ default: (await import('./pages/debug.tsx')).Debug }))
const Events = lazy(async () => ({ default: (await import('./pages/events.tsx')).Events }))
const Tail = lazy(async () => ({ default: (await import('./pages/tail.tsx')).Tail }))
const Create = lazy(async () => ({ default: (await import('./pages/create.tsx')).Create }))

const places: readonly (readonly [name: string, path: string, icon: IconName])[] = [
  ['Overview', '/overview', 'overview'],
  ['Metrics', '/metrics/changefeeds/cluster', 'metrics'],
  ['Jobs', '/jobs', 'jobs'],
  ['Live tail', '/tail', 'tail'],
  ['Create', '/create', 'create'],
  ['Advanced Debugging', '/debug', 'debug'],
]

const pages: readonly (readonly [RegExp, (parts: readonly string[]) => ReactNode])[] = [
  [/^\/overview$/, () => <Overview />],
  [/^\/metrics(?:\/changefeeds)?(?:\/(?:cluster|node\/\d+))?$/, () => <Dashboard />],
  [/^\/jobs$/, () => <Jobs />],
  [/^\/jobs\/(\d+)$/, ([id = '']) => <Job key={id} id={id} />],
  [/^\/tail(?:\/(\d+))?$/, ([id = '']) => <Tail key={id} id={id === '' ? undefined : id} />],
  [/^\/create$/, () => <Create />],
  [/^\/debug$/, () => <Debug />],
  [/^\/debug\/chart$/, () => <CustomChart />],
  [/^\/events$/, () => <Events />],
]

export function App() {
  const [session, setSession] = useState<SessionAnswer>()
  const [error, setError] = useState<ApiError>()
  /** The server has said that nobody is logged in any more, and nobody has asked for that here. */
  const [hasEnded, setEnded] = useState(false)
  // In another tab somebody may have logged out, or in, also as another role.
  useReturn(() => {
    if (session === undefined) return
    get<SessionAnswer>('session').then(
      (answer) => {
        if (session.user !== undefined && answer.user === undefined) setEnded(true)
        setSession(answer)
      },
      () => undefined,
    )
  })
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const ask = (): void => {
      get<SessionAnswer>('session').then(
        (answer) => {
          setError(undefined)
          setSession(answer)
        },
        (failure: ApiError) => {
          setError(failure)
          timer = setTimeout(ask, 3000)
        },
      )
    }
    ask()
    return () => clearTimeout(timer)
  }, [])
  const loggedOut = useCallback((isAsked = false) => {
    setEnded(!isAsked)
    setSession((before) => before && { ...before, user: undefined })
  }, [])
  const context = useMemo(() => session && { session, loggedOut }, [session, loggedOut])
  if (context === undefined) {
    return (
      <main>
        <ServerState />
        <Failure error={error} />
        {error === undefined ? <Loading what="the console" /> : null}
      </main>
    )
  }
  const { user } = context.session
  if (user === undefined) return <Login session={context.session} hasEnded={hasEnded} loggedIn={setSession} />
  return (
    <Session value={context}>
      <Frame key={user} session={context.session} loggedOut={() => loggedOut(true)} />
    </Session>
  )
}

function Frame({ session, loggedOut }: { readonly session: SessionAnswer; readonly loggedOut: () => void }) {
  const { path } = useRoute()
  const main = useRef<HTMLElement>(null)
  const before = useRef(path)
  useEffect(() => {
    // Who reads with a screen reader hears the new page from its beginning.
    if (before.current !== path) main.current?.focus()
    before.current = path
  }, [path])
  const page = pages.flatMap(([pattern, draw]) => {
    const match = pattern.exec(path)
    return match === null ? [] : [draw(match.slice(1))]
  })[0]
  return (
    <div className="frame">
      <a
        className="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault()
          main.current?.focus()
        }}
      >
        Skip to the page
      </a>
      <header className="side">
        <a className="brand" href="#/overview">
          <Logo />
          pg-changefeed
        </a>
        <nav className="nav" aria-label="Pages">
          {places.map(([name, to, icon]) => (
            <a key={to} href={`#${to}`} aria-current={isWithin(path, to) ? 'page' : undefined}>
              <Icon name={icon} />
              {name}
            </a>
          ))}
        </nav>
        <Foot session={session} loggedOut={loggedOut} />
      </header>
      <main ref={main} tabIndex={-1}>
        <ServerState />
        <ErrorBoundary key={path}>
          <Suspense fallback={<Loading what="the page" />}>
            {page ?? (
              <PageHead title="Nothing here" about={`There is no page ${path}.`}>
                <a className="button" href="#/overview">
                  To the overview
                </a>
              </PageHead>
            )}
          </Suspense>
        </ErrorBoundary>
      </main>
    </div>
  )
}

function isWithin(path: string, place: string): boolean {
  const [, room = ''] = place.split('/')
  return path.split('/')[1] === room || (place === '/overview' && path === '/events')
}

function Foot({ session, loggedOut }: { readonly session: SessionAnswer; readonly loggedOut: () => void }) {
  const [theme, setTheme] = useState(currentTheme)
  useEffect(() => onTheme(() => setTheme(currentTheme())), [])
  const other = theme === 'dark' ? 'light' : 'dark'
  return (
    <div className="side-foot">
      <div className="row">
        <span>
          as <strong>{session.user}</strong>
        </span>
        <button type="button" className="button icon plain" onClick={toggleTheme} aria-label={`Use ${other} colours`}>
          <Icon name={theme === 'dark' ? 'sun' : 'moon'} />
        </button>
      </div>
      {session.needsLogin ? (
        <button type="button" className="button" onClick={() => void post('logout').then(loggedOut, loggedOut)}>
          Log out
        </button>
      ) : null}
      <span className="version">version {session.version}</span>
    </div>
  )
}

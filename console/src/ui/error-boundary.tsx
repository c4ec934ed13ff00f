// What is shown in place of a page that could not be drawn. After another version of the server was started, the scripts of this one are gone:
// then the page is loaded anew, by itself but not again and again.

import { Component, type ReactNode } from 'react'
import { Failure, PageHead } from './parts.tsx'
import { ApiError } from '../api.ts'

interface State {
  readonly error: unknown
}

const mark = 'changefeed-reloaded'
const againMs = 30_000

export function reloadOnce(): void {
  try {
    if (Date.now() - Number(sessionStorage.getItem(mark) ?? 0) < againMs) return
    sessionStorage.setItem(mark, String(Date.now()))
    window.location.reload()
  } catch {
    // Without storage nobody knows whether it was done before.
  }
}

export class ErrorBoundary extends Component<{ readonly children: ReactNode }, State> {
  override state: State = { error: undefined }

  static getDerivedStateFromError(error: unknown): State {
    return { error }
  }

  override render(): ReactNode {
    const { error } = this.state
    if (error === undefined) return this.props.children
    const text = error instanceof Error ? error.message : String(error)
    return (
      <>
        <PageHead title="This page does not work">
          <button type="button" className="button primary" onClick={() => window.location.reload()}>
            Load it again
          </button>
        </PageHead>
        <Failure error={new ApiError(500, { error: text, hint: 'The server may be another version by now.' })} />
      </>
    )
  }
}

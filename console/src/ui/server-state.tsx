// What a page cannot help: the server does not answer, is slow, or has become another version.

import { clock } from '../format.ts'
import { lastAnswer, useReach } from '../reach.ts'
import { useNewer } from '../use-newer.ts'

export function ServerState() {
  const reach = useReach()
  const isNewer = useNewer()
  return (
    <>
      {reach === 'down' ? (
        <div className="notice bad server-state" role="alert">
          <strong>The server does not answer.</strong>
          <div className="hint">
            Is it running? This page tries again by itself. What it shows is of {clock(lastAnswer()).slice(0, 8)} (UTC).
          </div>
        </div>
      ) : null}
      {reach === 'slow' ? (
        <div className="notice warn server-state" role="status">
          <strong>The server is slow to answer.</strong>
          <div className="hint">What this page shows may be some seconds old.</div>
        </div>
      ) : null}
      {isNewer ? (
        <div className="notice warn server-state row" role="status">
          <div>
            <strong>The server has become another version.</strong>
            <div className="hint">Reload this page to get the console of that version.</div>
          </div>
          <button type="button" className="button" onClick={() => window.location.reload()}>
            Reload
          </button>
        </div>
      ) : null}
    </>
  )
}

// How far a job has come, in words: its scan with rate and time left, what it waits for, or its high-water mark.

import type { JobAnswer } from '../../../src/server/api/answers.ts'
import { compact, duration } from '../format.ts'
import { Progress } from './parts.tsx'

export function JobProgressText({ job, isShort = false }: { readonly job: JobAnswer; readonly isShort?: boolean }) {
  const { phase, fraction, live, runningStatus } = job
  if (phase === 'initial-scan' || phase === 'backfill') {
    const what = phase === 'backfill' ? 'Backfill' : 'Initial scan'
    const scan = live?.scan
    return (
      <div className="small scan">
        <div className="muted">
          {what}
          {fraction === null ? '' : ` ${Math.floor(fraction * 100)} %`}
          {scan?.secondsLeft == null ? '' : `, ${duration(Math.ceil(scan.secondsLeft) * 1000)} left`}
        </div>
        {fraction === null ? null : <Progress fraction={fraction} label={what} />}
        {isShort || live === null ? null : (
          <div className="muted">
            {compact(live.messagesPerSecond)} rows per second
            {scan == null ? '' : `, ${scan.rangesLeft} ranges of 8 MiB left`}
          </div>
        )}
      </div>
    )
  }
  if (phase === 'retrying' || phase === 'waiting') return <div className="small wrap clip">{runningStatus}</div>
  return null
}

// How far a job has come, in words: its scan with rate and time left, and what it waits for.

import type { JobAnswer } from '../../../src/server/api/answers.ts'
import { compact, duration } from '../format.ts'
import { Progress } from './parts.tsx'

export function JobProgressText({ job, isShort = false }: { readonly job: JobAnswer; readonly isShort?: boolean }) {
  return (
    <>
      <Scan job={job} isShort={isShort} />
      {job.problem === null ? null : (
        <div className="small wrap">
          <div className="clip">{job.problem.error}</div>
          {job.problem.hint === undefined ? null : (
            <div className="clip muted hint-short" title={job.problem.hint}>
              <span className="hint-word">What to do:</span> {job.problem.hint}
            </div>
          )}
        </div>
      )}
    </>
  )
}

export function Scan({ job, isShort }: { readonly job: JobAnswer; readonly isShort: boolean }) {
  const { phase, fraction, live, highWater } = job
  const scan = live?.scan
  if (phase === 'over' || (fraction === null && scan == null && phase !== 'initial-scan')) return null
  const what = highWater === null ? 'Initial scan' : 'Backfill'
  return (
    <div className="small">
      <div className="muted">
        {what}
        {fraction === null ? '' : ` ${Math.floor(fraction * 100)} %`}
        {scan?.secondsLeft == null ? '' : `, ${duration(Math.ceil(scan.secondsLeft) * 1000)} left`}
      </div>
      {fraction === null ? null : <Progress fraction={fraction} label={what} />}
      {isShort || live === null ? null : (
        <div className="muted">
          {compact(live.messagesPerSecond)} messages per second
          {scan == null ? '' : `, ${scan.rangesLeft} ranges of 8 MiB left`}
        </div>
      )}
    </div>
  )
}

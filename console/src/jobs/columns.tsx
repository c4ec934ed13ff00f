// The columns of the list of jobs beside the description, and its rows.

import { memo, type ReactNode } from 'react'
import type { JobAnswer } from '../../../src/server/api/answers.ts'
import { JobProgressText } from '../ui/job-progress.tsx'
import { HighWater, StatusBadge, Time } from '../ui/parts.tsx'

interface Column {
  readonly name: string
  readonly label: string
  /** Hidden until somebody chooses it. */
  readonly isExtra?: true
  readonly cell: (job: JobAnswer) => ReactNode
}

export const columns: readonly Column[] = [
  {
    name: 'status',
    label: 'Status',
    cell: (job) => (
      <div>
        <StatusBadge job={job} />
        <JobProgressText job={job} isShort />
      </div>
    ),
  },
  { name: 'id', label: 'Job ID', cell: ({ id }) => <span className="mono num">{id}</span> },
  { name: 'user', label: 'User Name', cell: ({ user }) => user },
  { name: 'created', label: 'Creation Time (UTC)', cell: ({ createdMs }) => <Time ms={createdMs} /> },
  { name: 'high-water', label: 'High-water Timestamp', cell: ({ highWater }) => <HighWater value={highWater} /> },
  {
    name: 'modified',
    label: 'Last Modified Time (UTC)',
    isExtra: true,
    cell: ({ modifiedMs }) => <Time ms={modifiedMs} />,
  },
  {
    name: 'completed',
    label: 'Completed Time (UTC)',
    isExtra: true,
    cell: ({ finishedMs }) => <Time ms={finishedMs} />,
  },
]

interface RowProps {
  readonly job: JobAnswer
  /** The names of the columns that are shown. */
  readonly columns: string
}

/** Drawn again only when something in it has changed: there may be hundreds. */
export const Row = memo(
  ({ job, columns: names }: RowProps) => (
    <tr>
      <td className="wide">
        <a className="clip" href={`#/jobs/${job.id}`}>
          {job.description}
        </a>
      </td>
      {columns
        .filter(({ name }) => names.split(',').includes(name))
        .map(({ name, label, cell }) => (
          <td key={name} data-label={label}>
            {cell(job)}
          </td>
        ))}
    </tr>
  ),
  (before, now) => before.columns === now.columns && whatIsShown(before.job) === whatIsShown(now.job),
)

function whatIsShown({ lagMs: _lag, checkpointLagMs: _checkpointLag, live, ...job }: JobAnswer): string {
  return JSON.stringify([job, live?.scan])
}

// The options of the statement: those that are used most first.

import { useId } from 'react'
import type { FormAnswer, OptionAnswer } from '../../../src/server/api/answers.ts'
import type { ChosenOptions } from '../statement.ts'

/** Shown before the others. */
const usual = [
  'updated',
  'resolved',
  'diff',
  'format',
  'envelope',
  'initial_scan',
  'min_checkpoint_frequency',
  'metrics_label',
]

interface OptionsProps {
  readonly form: FormAnswer
  readonly options: ChosenOptions
  readonly change: (options: ChosenOptions) => void
}

export function Options({ form, options, change }: OptionsProps) {
  const place = ({ name }: OptionAnswer): number => (usual.includes(name) ? usual.indexOf(name) : usual.length)
  const sorted = form.options.toSorted((a, b) => place(a) - place(b))
  const [first, rest] = [
    sorted.filter(({ name }) => usual.includes(name)),
    sorted.filter(({ name }) => !usual.includes(name)),
  ]
  const row = (option: OptionAnswer) => (
    <Option
      key={option.name}
      option={option}
      value={options[option.name]}
      change={(value) => {
        const { [option.name]: _, ...others } = options
        change(value === undefined ? others : { ...options, [option.name]: value })
      }}
    />
  )
  return (
    <>
      {first.map(row)}
      <details>
        <summary className="option">All options</summary>
        {rest.map(row)}
      </details>
    </>
  )
}

interface OptionProps {
  readonly option: OptionAnswer
  /** Undefined: the option is not given. */
  readonly value: string | undefined
  readonly change: (value: string | undefined) => void
}

function Option({ option, value, change }: OptionProps) {
  const id = useId()
  const { name, takesValue, values, isSecret, about } = option
  const isOn = value !== undefined
  return (
    <div className="option">
      <label className="check">
        <input
          type="checkbox"
          checked={isOn}
          aria-describedby={id}
          onChange={(event) =>
            change(event.target.checked ? (takesValue === 'yes' ? (values[0] ?? '') : '') : undefined)
          }
        />
        <span>
          <strong className="mono">{name}</strong>
          <span className="muted small" id={id}>
            {' '}
            {plain(about)}
          </span>
        </span>
      </label>
      {isOn && takesValue !== 'no' ? (
        <label className="field">
          <span className="visually-hidden">Value of {name}</span>
          {values.length > 0 && option.kind === 'enum' ? (
            <select value={value} onChange={(event) => change(event.target.value)}>
              {takesValue === 'optional' ? <option value="">(no value)</option> : null}
              {values.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          ) : (
            <input
              type={isSecret ? 'password' : 'text'}
              value={value}
              placeholder={placeholders[option.kind] ?? ''}
              autoComplete="off"
              onChange={(event) => change(event.target.value)}
            />
          )}
        </label>
      ) : null}
    </div>
  )
}

const placeholders: Readonly<Record<string, string>> = {
  duration: '10s',
  timestamp: '2024-05-01 12:00:00',
  json: '{"name": "value"}',
}

/** Without the marks of Markdown. */
function plain(text: string): string {
  return text.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll('`', '')
}

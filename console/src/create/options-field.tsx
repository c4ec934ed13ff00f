// The options of the statement: those that are used most first.

import { useId } from 'react'
import type { FitAnswer, FormAnswer, OptionAnswer } from '../../../src/server/api/answers.ts'
import type { ChosenOptions } from './chosen-options.ts'

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
  /** What the server says of each option, to what else is chosen. */
  readonly fits: readonly FitAnswer[]
  readonly options: ChosenOptions
  readonly change: (options: ChosenOptions) => void
}

export function Options({ form, fits, options, change }: OptionsProps) {
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
      fit={fits.find(({ name }) => name === option.name)}
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
  readonly fit: FitAnswer | undefined
  /** Undefined: the option is not given. */
  readonly value: string | undefined
  readonly change: (value: string | undefined) => void
}

function Option({ option, fit, value, change }: OptionProps) {
  const id = useId()
  const { name, takesValue, values, isSecret, about } = option
  const isOn = value !== undefined
  const refused = fit?.values ?? {}
  // An option that is chosen can be taken away, whatever is wrong with it.
  const isDisabled = !isOn && fit?.reason != null
  const reason = fit?.reason ?? (value === undefined ? undefined : refused[value])
  const begin = takesValue === 'yes' ? (values.find((one) => refused[one] === undefined) ?? '') : ''
  return (
    <div className={`option ${isDisabled ? 'disabled' : ''}`}>
      <label className="check">
        <input
          type="checkbox"
          checked={isOn}
          disabled={isDisabled}
          aria-describedby={reason == null ? id : `${id} ${id}-reason`}
          onChange={(event) => change(event.target.checked ? begin : undefined)}
        />
        <span>
          <strong className="mono">{name}</strong>
          <span className="muted small" id={id}>
            {' '}
            {plain(about)}
          </span>
        </span>
      </label>
      {reason == null ? null : (
        <p className={`reason small wrap ${isOn ? 'bad' : ''}`} id={`${id}-reason`}>
          {isDisabled ? 'Not now: ' : 'Does not fit: '}
          {reason}
        </p>
      )}
      {isOn && takesValue !== 'no' ? (
        <label className="field">
          <span className="visually-hidden">Value of {name}</span>
          {values.length > 0 && option.kind === 'enum' ? (
            <select value={value} onChange={(event) => change(event.target.value)}>
              {takesValue === 'optional' ? <option value="">(no value)</option> : null}
              {values.map((one) => (
                <option key={one} value={one} disabled={one !== value && refused[one] !== undefined}>
                  {one}
                  {one !== value && refused[one] !== undefined ? ` – ${refused[one]?.split('; ')[0]}` : ''}
                </option>
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

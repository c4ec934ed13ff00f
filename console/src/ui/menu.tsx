// A button with a box below it, which Escape, a click beside it and the focus elsewhere close.

import { useEffect, useRef, type ReactNode } from 'react'

export function Menu({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  const details = useRef<HTMLDetailsElement>(null)
  useEffect(() => {
    const element = details.current
    if (element === null) return
    const abort = new AbortController()
    const { signal } = abort
    const close = (): void => element.removeAttribute('open')
    element.addEventListener(
      'keydown',
      (event) => {
        if (event.key !== 'Escape' || !element.open) return
        event.stopPropagation()
        close()
        element.querySelector('summary')?.focus()
      },
      { signal },
    )
    const leave = ({ target }: Event): void => {
      if (target instanceof Node && !element.contains(target)) close()
    }
    document.addEventListener('pointerdown', leave, { signal })
    document.addEventListener('focusin', leave, { signal })
    return () => abort.abort()
  }, [])
  return (
    <details className="menu" ref={details}>
      <summary className="button">{label}</summary>
      {children}
    </details>
  )
}

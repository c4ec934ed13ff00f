// The place in the console, which is the part of the address after #: a path, and parameters that a reload or a friend with the address gets back.

import { useSyncExternalStore } from 'react'

export interface Route {
  readonly path: string
  readonly parameters: URLSearchParams
}

function subscribe(changed: () => void): () => void {
  window.addEventListener('hashchange', changed)
  return () => window.removeEventListener('hashchange', changed)
}

export function useRoute(): Route {
  const hash = useSyncExternalStore(subscribe, () => window.location.hash)
  return readRoute(hash)
}

export function readRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#/, '').split(/\?(.*)/s)
  return {
    path: path === '' || path === '/' ? '/overview' : path.replace(/\/$/, ''),
    parameters: new URLSearchParams(query),
  }
}

export function go(path: string): void {
  window.location.hash = path
}

/** Changes parameters of the address; undefined takes one away. `replace`: without a step in the history. */
export function setParameters(changes: Readonly<Record<string, string | undefined>>, replace = true): void {
  const { path, parameters } = readRoute(window.location.hash)
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) parameters.delete(name)
    else parameters.set(name, value)
  }
  const query = parameters.toString()
  const hash = `#${path}${query === '' ? '' : `?${query}`}`
  if (hash === window.location.hash) return
  if (replace) {
    window.history.replaceState(null, '', hash)
    window.dispatchEvent(new HashChangeEvent('hashchange'))
  } else window.location.hash = hash
}

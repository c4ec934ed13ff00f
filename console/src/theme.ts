// Light or dark: as the system is set, or as somebody has chosen here.

const name = 'changefeed-theme'
export type Theme = 'light' | 'dark'

const system = window.matchMedia('(prefers-color-scheme: dark)')
const listeners = new Set<() => void>()

export function currentTheme(): Theme {
  const chosen = readChoice()
  if (chosen === 'light' || chosen === 'dark') return chosen
  return system.matches ? 'dark' : 'light'
}

export function applyTheme(): void {
  document.documentElement.dataset['theme'] = currentTheme()
  for (const changed of listeners) changed()
}

export function toggleTheme(): void {
  try {
    localStorage.setItem(name, currentTheme() === 'dark' ? 'light' : 'dark')
  } catch {
    // Without storage the choice is of this page only.
    document.documentElement.dataset['theme'] = currentTheme() === 'dark' ? 'light' : 'dark'
  }
  applyTheme()
}

export function onTheme(changed: () => void): () => void {
  listeners.add(changed)
  return () => listeners.delete(changed)
}

function readChoice(): string | null {
  try {
    return localStorage.getItem(name)
  } catch {
    return null
  }
}

system.addEventListener('change', applyTheme)

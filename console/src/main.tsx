import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import './style.css'
import { applyTheme } from './theme.ts'
import { reloadOnce } from './ui/error-boundary.tsx'

applyTheme()
window.addEventListener('vite:preloadError', reloadOnce)
const root = document.getElementById('root')
if (root !== null)
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  )

// A value that follows another one when that has not changed for a moment, so that not every key asks the server.

import { useEffect, useState } from 'react'

export function useLater<T>(value: T, ms: number): T {
  const [later, setLater] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setLater(value), ms)
    return () => clearTimeout(timer)
  }, [value, ms])
  return later
}

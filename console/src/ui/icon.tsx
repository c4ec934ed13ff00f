// The drawings of the console. Words stand beside them, so nobody needs to see them.

const paths = {
  overview: 'M3 9.5 10 4l7 5.5V16a1 1 0 0 1-1 1h-3.5v-4.5h-5V17H4a1 1 0 0 1-1-1z',
  metrics: 'M3 16.5h14M4 13l3.5-4 3 2.5L16 5',
  jobs: 'M4 5h12M4 10h12M4 15h8',
  tail: 'M3 6l4 4-4 4M9 15h8',
  create: 'M10 4v12M4 10h12',
  debug:
    'M10 7a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM10 3v2M10 15v2M3 10h2M15 10h2M5 5l1.5 1.5M13.5 13.5 15 15M15 5l-1.5 1.5M6.5 13.5 5 15',
  sun: 'M10 6.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM10 2v1.5M10 16.5V18M2 10h1.5M16.5 10H18M4.3 4.3l1.1 1.1M14.6 14.6l1.1 1.1M15.7 4.3l-1.1 1.1M5.4 14.6l-1.1 1.1',
  moon: 'M16.5 11.8A6.8 6.8 0 0 1 8.2 3.5a6.8 6.8 0 1 0 8.3 8.3z',
  good: 'M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15zM6.8 10.2l2.2 2.2 4.2-4.6',
  left: 'M12 5l-5 5 5 5',
  right: 'M8 5l5 5-5 5',
  copy: 'M7 7V4h9v9h-3M4 7h9v9H4z',
  close: 'M5 5l10 10M15 5L5 15',
} as const

export type IconName = keyof typeof paths

export function Icon({ name, size = 18 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.7"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={paths[name]} />
    </svg>
  )
}

export function Logo({ size = 28 }: { readonly size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#2f5bea" />
      <path d="M7 11h9a5 5 0 0 1 5 5a5 5 0 0 0 5 5" fill="none" stroke="#fff" strokeWidth="3" strokeLinecap="round" />
      <circle cx="7" cy="21" r="2.6" fill="#9db5ff" />
      <circle cx="25" cy="11" r="2.6" fill="#9db5ff" />
    </svg>
  )
}

// Which machines sinks may reach: `host`, `host:port` or `*.suffix`, in a list with commas. An empty list allows all. Names
// are compared as written in a sink URI or told by a broker, not by their addresses.

export function readAllowedHosts(text: string): readonly string[] {
  return text
    .toLowerCase()
    .split(',')
    .map((host) => host.trim())
    .filter((host) => host !== '')
}

export function isHostAllowed(allowed: readonly string[], host: string, port: number): boolean {
  if (allowed.length === 0) return true
  const name = host.toLowerCase().replace(/^\[|\]$/g, '')
  return allowed.some((entry) => {
    const [, pattern = entry, wantedPort] = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry) ?? []
    if (wantedPort !== undefined && Number(wantedPort) !== port) return false
    const bare = pattern.replace(/^\[|\]$/g, '')
    return bare.startsWith('*.') ? name.endsWith(bare.slice(1)) : name === bare
  })
}

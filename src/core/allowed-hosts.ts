// Which machines sinks may connect to: a list of `host`, `host:port` or `*.suffix`, separated by commas. An empty list
// allows all. Names are compared as a sink URI or a broker writes them; their addresses are not looked up.

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

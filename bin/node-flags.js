// Plain JavaScript for old Nodes: the flags of Node that the program runs with.

// V8 knows the second flag in Node 24 to 26, and a Node refuses flags that it does not know. A newer one may have dropped it; then we do without.
const newestKnown = 26
const isKnown = Number(process.versions.node.split('.')[0]) <= newestKnown

export const nodeFlags = [
  // The young generation of a heap grows to 32 MB and stays so, in each thread: while a client library is loaded everything
  // in it is alive. What we make in a hurry lives in buffers, so the least of it is enough, and the program collects as fast.
  '--max-semi-space-size=2',
  // Requests that are on their way to a sink, some 10 MB in buffers, would count as growth of the heap beside them, which is
  // hardly larger: V8 would collect all of it for every ten requests, and free nothing.
  ...(isKnown ? ['--external-memory-accounted-in-global-limit'] : []),
]

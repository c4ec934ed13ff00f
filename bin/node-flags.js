// Plain JavaScript for old Nodes: the flags of Node that the program runs with.
//
// The young generation of a heap grows to 32 MB and stays so, in each thread: while a client library is loaded everything
// in it is alive. What we make in a hurry lives in buffers, so the least of it is enough, and the program collects as fast.

export const nodeFlags = ['--max-semi-space-size=2']

// PostgreSQL refuses to run as root. If root starts the server, PostgreSQL runs under a user id that has no account and no other process.
// It trusts everybody who reaches its socket, and processes of the same user can read its files and memory: if it ran as `nobody`,
// other services of the machine could do that.

import {
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs'
import { randomInt } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface ServerUser {
  readonly uid: number
  readonly gid: number
}

/** The range of user ids that systemd reserves for services without an account. */
const leastUid = 61_184
const mostUid = 65_519
const attempts = 50

/** Returns the owner of the data folder, so that the user never changes. Undefined: our own user can run PostgreSQL. */
export function serverUser(dir: string): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined
  const nobody = accountOf('nobody') ?? { uid: 65_534, gid: 65_534 }
  const owner = statSync(dir, { throwIfNoEntry: false })
  if (owner !== undefined && owner.uid !== 0 && owner.uid !== nobody.uid) return { uid: owner.uid, gid: owner.gid }
  return freeUser() ?? nobody
}

/** Returns a user with an account for initdb, which needs the name of its user. */
export function userWithAccount(user: ServerUser | undefined): ServerUser | undefined {
  return user === undefined || hasAccount(user.uid) ? user : (accountOf('nobody') ?? user)
}

/** Returns undefined if no user id is free, for example in a namespace with few users. */
function freeUser(): ServerUser | undefined {
  const taken = runningUids()
  for (let attempt = 0; attempt < attempts; attempt++) {
    const uid = randomInt(leastUid, mostUid + 1)
    if (!taken.has(uid) && !hasAccount(uid) && canBeOwner(uid)) return { uid, gid: uid }
  }
  return undefined
}

function canBeOwner(uid: number): boolean {
  const probe = mkdtempSync(join(tmpdir(), 'pgcf-user-'))
  try {
    chownSync(probe, uid, uid)
    return true
  } catch {
    return false
  } finally {
    rmSync(probe, { recursive: true, force: true })
  }
}

function runningUids(): ReadonlySet<number> {
  const uids = new Set<number>()
  if (!existsSync('/proc')) return uids
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const uid = statSync(join('/proc', name), { throwIfNoEntry: false })?.uid
    if (uid !== undefined) uids.add(uid)
  }
  return uids
}

function accountOf(name: string): ServerUser | undefined {
  const line = new RegExp(`^${name}:[^:]*:(\\d+):(\\d+):`, 'm').exec(accounts())
  return line === null ? undefined : { uid: Number(line[1]), gid: Number(line[2]) }
}

function hasAccount(uid: number): boolean {
  return new RegExp(`^[^:]*:[^:]*:${uid}:`, 'm').test(accounts())
}

function accounts(): string {
  return existsSync('/etc/passwd') ? readFileSync('/etc/passwd', 'utf8') : ''
}

export function give(path: string, user: ServerUser | undefined): void {
  if (user !== undefined) chownSync(path, user.uid, user.gid)
}

/**
 * Changes the owner of a whole data folder, unless the user owns it already. The folder itself is changed last, so that an
 * interrupted change is done again.
 */
export function giveDataDir(dir: string, user: ServerUser | undefined): void {
  if (user === undefined || statSync(dir).uid === user.uid) return
  const tablespaces = join(dir, 'pg_tblspc')
  for (const name of existsSync(tablespaces) ? readdirSync(tablespaces) : []) {
    const path = join(tablespaces, name)
    if (lstatSync(path).isSymbolicLink() && existsSync(path)) giveAll(realpathSync(path), user)
  }
  giveAll(dir, user)
}

function giveAll(dir: string, { uid, gid }: ServerUser): void {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) giveAll(path, { uid, gid })
    else lchownSync(path, uid, gid)
  }
  chownSync(dir, uid, gid)
}

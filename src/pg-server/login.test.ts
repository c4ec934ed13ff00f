import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isBug, walk } from '../../test/support/walk-phases.ts'
import type { FeedError } from '../errors/feed-error.ts'
import { method, offeredMechanisms, saslOffer, scram, scramPlus } from '../wire/authentication.ts'
import type { Leg } from './leg.ts'
import { Login } from './login.ts'
import { followLogin, type LoginPhase } from './login-phase.ts'

const own = Buffer.from('the certificate of PostgreSQL')
const plain: Leg = { isEncrypted: false, isLocal: true, isUnixSocket: false, certificate: undefined }
const open: Leg = { ...plain, isLocal: false }
const unix: Leg = { ...plain, isUnixSocket: true }
const encrypted = (certificate: Buffer): Leg => ({ ...open, isEncrypted: true, certificate })

function asking(code: number): Buffer {
  const message = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0])
  message.writeInt32BE(code, 5)
  return message
}

function choosing(mechanism: string, header: string): Buffer {
  const first = Buffer.from(`${header},,n=,r=nonce`)
  const name = Buffer.from(`${mechanism}\0\0\0\0\0`)
  name.writeInt32BE(first.length, name.length - 4)
  const head = Buffer.from([0x70, 0, 0, 0, 4 + name.length + first.length])
  return Buffer.concat([head, name, first])
}

const offer = saslOffer([scramPlus, scram])
const loginOf = (client: Leg, acceptsUnasked = false): Login => new Login({ client, acceptsUnasked })
const says = (text: RegExp, hint: RegExp) => (error: FeedError) => {
  assert.match(error.message, text)
  assert.match(error.hint ?? '', hint)
  assert.equal(error.sqlstate, '28000')
  return true
}

test('of all pairs of phases of a login exactly these follow each other', () => {
  const phases: Readonly<Record<LoginPhase['tag'], LoginPhase>> = {
    waiting: { tag: 'waiting' },
    asked: { tag: 'asked' },
    offered: { tag: 'offered', isCut: false },
    proving: { tag: 'proving' },
    done: { tag: 'done' },
  }
  assert.deepEqual(walk(phases, followLogin), [
    'waiting → asked, offered, done',
    'asked → done',
    'offered → proving',
    'proving → proving, done',
    'done → nothing',
  ])
  assert.throws(() => followLogin(phases.done, phases.asked), isBug(/is done cannot become asked/))
})

test('channel binding is offered only where the client sees the certificate of PostgreSQL itself', () => {
  const offered = (client: Leg, server: Leg): string => offeredMechanisms(loginOf(client).asks(offer, server)).join(' ')
  const other = Buffer.from('the certificate of the front')
  assert.equal(offered(encrypted(own), encrypted(own)), `${scramPlus} ${scram}`)
  assert.equal(offered(encrypted(other), encrypted(own)), scram)
  assert.equal(offered(plain, encrypted(own)), scram)
  assert.equal(offered(encrypted(own), plain), scram)
})

test('an offer that need not change is the same message', () => {
  const only = saslOffer([scram])
  assert.equal(loginOf(encrypted(own)).asks(only, plain), only)
  assert.equal(loginOf(encrypted(own)).asks(offer, encrypted(own)), offer)
})

test('a client that says nobody offered it channel binding hears what to do; others go on', () => {
  const cut = (): Login => {
    const login = loginOf(encrypted(Buffer.from('other')))
    login.asks(offer, encrypted(own))
    return login
  }
  assert.throws(
    () => cut().answers(choosing(scram, 'y')),
    says(/channel binding cannot pass/, /channel_binding=disable/),
  )
  cut().answers(choosing(scram, 'n'))
  const whole = loginOf(encrypted(own))
  whole.asks(saslOffer([scram]), plain)
  whole.answers(choosing(scram, 'y'))
})

test('a password that would be readable on the network is not passed on, on either side', () => {
  assert.throws(
    () => loginOf(open).asks(asking(method.cleartext), plain),
    says(/readable .* between you/, /sslmode=require/),
  )
  assert.throws(
    () => loginOf(encrypted(own)).asks(asking(method.cleartext), open),
    says(/readable .* between this server and PostgreSQL/, /--postgres/),
  )
  for (const client of [plain, unix, encrypted(own)]) {
    for (const server of [plain, unix, encrypted(own)]) loginOf(client).asks(asking(method.cleartext), server)
  }
  loginOf(open).asks(asking(method.md5), open)
})

test('nobody is let in unasked, because PostgreSQL may have recognised our own user, by peer or by ident', () => {
  const letIn = (client: Leg, server: Leg, acceptsUnasked = false): string =>
    loginOf(client, acceptsUnasked).asks(asking(method.ok), server).toString('hex')
  const refused = says(/without asking for a password/, /scram-sha-256.*--insecure/)
  for (const client of [plain, unix, open, encrypted(own)]) {
    for (const server of [plain, unix, open, encrypted(own)]) {
      assert.throws(() => letIn(client, server), refused)
      assert.equal(letIn(client, server, true), asking(method.ok).toString('hex'))
    }
  }
})

test('who has given a password is let in from everywhere', () => {
  const login = loginOf(encrypted(own))
  login.asks(asking(method.md5), unix)
  login.answers(Buffer.from('p'))
  login.asks(asking(method.ok), unix)
  assert.equal(login.phase.tag, 'done')
})

test('what cannot pass through is refused by name', () => {
  for (const [code, name] of [
    [method.gss, /GSSAPI/],
    [method.sspi, /SSPI/],
    [42, /unknown kind \(42\)/],
  ] as const) {
    assert.throws(() => loginOf(plain).asks(asking(code), plain), says(name, /scram-sha-256/))
  }
  assert.throws(() => loginOf(plain).asks(saslOffer(['OAUTHBEARER']), plain), says(/OAUTHBEARER/, /scram-sha-256/))
})

test('an answer that nobody asked for ends the login', () => {
  assert.throws(() => loginOf(plain).answers(choosing(scram, 'n')), /something else than the answer/)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { saslPrep } from './sasl-prep.ts'
import { ScramClient } from './scram.ts'

/** The exchange of RFC 7677, section 3. */
const nonce = 'rOprNGfwEbeRWgbNEkqO'
const serverFirst = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096'

test('the exchange of RFC 7677', async () => {
  const client = new ScramClient({ tag: 'n' }, nonce)
  assert.equal(client.first('user'), 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO')
  assert.equal(
    await client.final(serverFirst, 'pencil', 'user'),
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  )
  assert.equal(client.isVerified, false)
  client.verify('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')
  assert.equal(client.isVerified, true)
})

test('a server that does not know the password is refused, whatever it says', async () => {
  for (const last of ['v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=', 'v=', '', 'e=invalid-proof', 'v=AAAA']) {
    const client = new ScramClient({ tag: 'n' }, nonce)
    await client.final(serverFirst, 'pencil', 'user')
    assert.throws(() => client.verify(last), /SCRAM-SHA-256 failed/)
    assert.equal(client.isVerified, false)
  }
  assert.throws(() => new ScramClient({ tag: 'n' }).verify('v='), /did not prove/)
})

test('a server that replaces the nonce, or asks for too much, is refused before the password is used', async () => {
  for (const first of [
    'r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
    'r=another,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
    'r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0',
    'r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4000000000',
    'm=ext,r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=1',
    '',
  ])
    await assert.rejects(new ScramClient({ tag: 'n' }, nonce).final(first, 'pencil'), /SCRAM-SHA-256 failed/)
})

test('the certificate of the server is part of what is proved', async () => {
  const bound = new ScramClient({ tag: 'bound', data: Buffer.from('certificate') }, nonce)
  assert.match(bound.first(), /^p=tls-server-end-point,,n=,r=/)
  const [, channel = ''] = /^c=([^,]*),/.exec(await bound.final(serverFirst, 'pencil')) ?? []
  assert.equal(Buffer.from(channel, 'base64').toString(), 'p=tls-server-end-point,,certificate')
  const able = new ScramClient({ tag: 'y' }, nonce)
  assert.match(await able.final(serverFirst, 'pencil'), /^c=eSws,/)
})

test('SASLprep: the examples of RFC 4013, and a password that it refuses is used as it is', () => {
  for (const [password, prepared] of [
    ['I\u00adX', 'IX'],
    ['user', 'user'],
    ['USER', 'USER'],
    ['\u00aa', 'a'],
    ['\u2168', 'IX'],
    ['\u0007', '\u0007'],
    ['\u0627\u0031', '\u0627\u0031'],
    ['a\u00a0b', 'a b'],
    ['e\u0301', '\u00e9'],
    ['\u00ad', '\u00ad'],
    ['\ue000\u2168', '\ue000\u2168'],
    ['\u0627\u0031\u0628', '\u0627\u0031\u0628'],
    ['ß😀', 'ß😀'],
  ] as const)
    assert.equal(saslPrep(password), prepared, JSON.stringify(password))
})

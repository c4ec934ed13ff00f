import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isMetadataHost, isPrivateAddress } from './metadata-address.ts'

test('metadata services of clouds are recognized by name and address, however the address is written', () => {
  for (const host of [
    '169.254.169.254',
    '169.254.170.2',
    '[fd00:ec2::254]',
    'fd00:ec2:0:0::254',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '64:ff9b::169.254.169.254',
    'fd20:ce::254',
    '100.100.100.200',
    'Metadata.Google.Internal',
    'metadata.google.internal.',
  ])
    assert.equal(isMetadataHost(host), true, host)
  for (const host of ['127.0.0.1', '10.0.0.1', '8.8.8.8', '::1', 'metadata.example.com', '64:ff9b::8.8.8.8'])
    assert.equal(isMetadataHost(host), false, host)
})

test('loopback and the addresses of private networks are private, names and all other addresses are not', () => {
  for (const address of [
    '127.0.0.1',
    '127.9.9.9',
    '10.1.2.3',
    '172.31.0.1',
    '192.168.1.1',
    '::1',
    'fd12::1',
    '::ffff:10.0.0.1',
  ])
    assert.equal(isPrivateAddress(address), true, address)
  for (const address of ['8.8.8.8', '172.32.0.1', '2001:db8::1', '169.254.169.254', 'localhost', '0.0.0.0'])
    assert.equal(isPrivateAddress(address), false, address)
})

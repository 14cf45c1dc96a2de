import fs from 'node:fs'
import { UfrError } from '../../base/errors.ts'
import { addressNumber, hostAddresses } from './pool.ts'

const usual = '/etc/resolv.conf'
/** The servers behind systemd-resolved's own, which listens on the loopback only (systemd-resolved.service(8)). */
const behindStub = '/run/systemd/resolve/resolv.conf'

/**
 * The name server for guests with egress: UFR_TAP_DNS, else the host's own. One that listens on the host itself, on its
 * loopback above all, is none: guests reach nothing of the host.
 * @throws UfrError UFR-USAGE where UFR_TAP_DNS is no IPv4 address.
 */
export function findResolver(
  set = process.env['UFR_TAP_DNS'],
  files = [usual, behindStub],
): string | undefined {
  if (set) {
    if (addressNumber(set) !== undefined) return set
    throw new UfrError('UFR-USAGE', `UFR_TAP_DNS is ${set}`, {
      fix: 'Set it to the IPv4 address of a name server.',
    })
  }
  const own = new Set(hostAddresses())
  return files
    .flatMap(nameservers)
    .find(
      (address) => addressNumber(address) !== undefined && !address.startsWith('127.') && !own.has(address),
    )
}

function nameservers(file: string): string[] {
  try {
    const text = fs.readFileSync(file, 'utf8')
    return [...text.matchAll(/^nameserver[ \t]+(\S+)/gm)].map(([, address]) => address!)
  } catch {
    return []
  }
}

import { UfrError } from '../../base/errors.ts'
import { didYouMean } from '../../base/nearest.ts'
import { findCommand } from '../../base/process.ts'
import { wordsOf } from '../choose.ts'
import { firecrackerByHand } from './firecracker.ts'
import { ops } from './ops.ts'
import { osv } from './osv.ts'
import type { Peer } from './peer.ts'
import { qemuByHand } from './qemu.ts'

/** All other ways to start what ufr starts. A further one is a file beside these and a line here. */
export const peers: readonly Peer[] = [qemuByHand, firecrackerByHand, ops, osv]

/**
 * The peers that a list names; `all` are those whose program is on the PATH.
 * @throws UfrError UFR-USAGE for a name that none has, UFR-COMMAND for one whose program is not there.
 */
export function choosePeers(list: string | undefined, known: readonly Peer[] = peers): Peer[] {
  if (list === undefined) return []
  if (list === 'all') return known.filter(isThere)
  return wordsOf('--peers', list).map((word) => {
    const found = known.find(({ key }) => key === word)
    const keys = known.map(({ key }) => key)
    if (!found) {
      throw new UfrError('UFR-USAGE', `there is no peer ${JSON.stringify(word)}${didYouMean(word, keys)}`, {
        fix: `Peers are ${keys.join(', ')}; all are those that are on the PATH.`,
      })
    }
    if (isThere(found)) return found
    throw new UfrError('UFR-COMMAND', `${found.command}, which the peer ${word} needs, is not on PATH`, {
      fix: `Put it on the PATH, or leave ${word} out of --peers.`,
    })
  })
}

function isThere({ command }: Peer): boolean {
  return findCommand(command) !== undefined
}

import { UfrError } from '../../base/errors.ts'
import type { Answer, Link } from '../link.ts'
import { attachWire } from './wire.ts'

/** The link `user` of a guest that calls: QEMU hands its packets to this process, and no port of it can be reached. */
export function wireLink(answer: Answer): Link {
  return {
    kind: 'user',
    end: { kind: 'user', wire: (socket) => attachWire(socket, answer) },
    async reach(_vm, port) {
      throw new UfrError('UFR-VMM-CONTROL', `a guest that calls is not called: port ${port} leads nowhere`)
    },
    close: async () => {},
  }
}

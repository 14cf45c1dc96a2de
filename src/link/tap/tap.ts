import { UfrError } from '../../base/errors.ts'
import { noProgress, type Progress } from '../../base/progress.ts'
import type { Answer, Link } from '../link.ts'
import { callsFile, callsSocket, relayFile, relaySocket } from '../relay/file.ts'
import { makeSocketFolder } from '../socket-folder.ts'
import { dropUplink, holdHostRules, letHostForward, makeUplink } from './egress.ts'
import { hostAddresses, pool } from './pool.ts'
import { findResolver } from './resolver.ts'
import { mayTap, noRights, tapRights } from './rights.ts'
import { device, insideRules } from './rules.ts'
import { namespaceScript, tapCommands, tapGroup } from './script.ts'
import { requireTools, toolPath } from './tools.ts'
import { startWorker, type Worker, WorkerError } from './worker.ts'

/**
 * The link by an interface in a network namespace of the guest's own. The relay's process has the namespace: when that
 * ends, and the VMM, the kernel takes away the namespace with all that is in it, so that nothing can be left behind.
 * Without egress there is no other interface in it, and so no way to anywhere. For a guest that calls, a second relay
 * listens there and leads to a socket in a folder of ours.
 * @throws UfrError UFR-LINK-RIGHTS, UFR-LINK-TOOL, UFR-LINK-ADDRESSES, UFR-LINK, UFR-USAGE for a setting.
 */
export async function openTap(egress: boolean, progress = noProgress(), answer?: Answer): Promise<Link> {
  const rights = tapRights()
  if (!mayTap(rights, egress)) throw noRights(rights)
  const alone = rights.how === 'alone'
  requireTools(egress ? ['unshare', 'nsenter', 'ip', 'nft'] : ['unshare', 'nsenter', 'ip'])
  const rules = egress ? egressRules(progress, answer !== undefined) : ''
  const user = alone ? ['--user', '--map-root-user'] : []
  const group = !alone && process.getuid?.() === 0 ? tapGroup : undefined
  // In a user namespace of our own our user is number 0.
  const owner = group === undefined ? `user ${alone ? 0 : process.getuid?.()}` : `group ${group}`
  const calls = answer && makeSocketFolder()
  const answering = calls ? [callsFile(), calls.path] : []
  const script = [
    'sh',
    '-c',
    namespaceScript,
    'ufr-tap',
    tapCommands(owner),
    rules,
    relayFile(),
    ...answering,
  ]
  const environment = { PATH: toolPath(), LC_ALL: 'C.UTF-8' }
  const relay = startWorker('unshare', [...user, '--net', '--mount', '--', ...script], environment)
  let release: (() => Promise<void>) | undefined
  const close = async () => {
    // What has been let out goes before the namespace that it is in.
    await release?.()
    await relay.stop()
    await calls?.remove()
  }
  try {
    if (egress) release = await openWay(relay, progress)
    if (answer) await calls?.listen(callsSocket, answer)
    if (answer) await relay.says('calls')
    await relay.says('ready')
  } catch (error) {
    await close()
    throw tapError(error, alone)
  }
  const own = `/proc/${relay.pid}`
  return {
    kind: 'tap',
    end: {
      kind: 'tap',
      namespace: `${own}/ns/net`,
      ...(alone && { userNamespace: `${own}/ns/user` }),
      ...(group !== undefined && { group }),
      device,
    },
    reach: async (_vm, port) => ({ socket: `${own}/root${relaySocket}`, port, through: 'relay' }),
    close,
  }
}

function egressRules(progress: Progress, calls: boolean): string {
  const resolver = findResolver()
  if (resolver === undefined) {
    progress.note(
      "The guest can resolve no names: the host's name server listens on the host itself. Set UFR_TAP_DNS to another.",
    )
  }
  return insideRules({ resolver, pool: pool().text, host: hostAddresses(), calls })
}

/** @returns what ends the host's part of it. */
async function openWay(relay: Worker, progress: Progress): Promise<() => Promise<void>> {
  const holding = holdHostRules()
  // Waited for below, whatever becomes of the rest.
  holding.catch(() => {})
  try {
    await relay.says('here')
    const { host, guest } = await makeUplink(relay.pid)
    letHostForward(progress)
    const release = await holding
    relay.write(`${host} ${guest}\n`)
    return async () => {
      await dropUplink(relay.pid)
      await release()
    }
  } catch (error) {
    await holding.then((release) => release()).catch(() => {})
    throw error
  }
}

function tapError(error: unknown, alone: boolean): unknown {
  if (!(error instanceof WorkerError)) return error
  const { message, lines: detail } = error
  const refused = detail.find((line) => /not permitted|permission denied/i.test(line))
  if (refused === undefined) {
    return new UfrError('UFR-LINK', `the tap link cannot be made: ${message}`, { cause: error, detail })
  }
  const who = alone ? 'this host does not let users make network namespaces' : 'the kernel refuses it'
  return new UfrError('UFR-LINK-RIGHTS', `a tap link cannot be made: ${who}`, { cause: error, detail })
}

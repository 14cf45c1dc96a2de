import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { UfrError } from '../../base/errors.ts'
import type { Progress } from '../../base/progress.ts'
import { freePairs, type Pair, pool, usedRanges } from './pool.ts'
import { hostRules, uplink } from './rules.ts'
import { toolPath } from './tools.ts'
import { startWorker, type Worker, WorkerError } from './worker.ts'

const environment = () => ({ PATH: toolPath(), LC_ALL: 'C.UTF-8' })

/** How often another process may have been faster before we give up. */
const mostAttempts = 20

/**
 * Makes the way to the outside of a namespace: a pair of interfaces, one here and one there, with an address each.
 * Taking the name is taking the address, and the kernel gives a name to one only.
 * @param pid of a process in the namespace.
 * @throws UfrError UFR-LINK-ADDRESSES where all are in use; WorkerError with the words of ip.
 */
export async function makeUplink(pid: number): Promise<Pair> {
  const range = pool()
  let attempts = 0
  for (const pair of freePairs(range, usedRanges())) {
    try {
      await makePair(pair, pid)
      return pair
    } catch (error) {
      if (!isTaken(error) || ++attempts === mostAttempts) throw error
    }
  }
  throw new UfrError(
    'UFR-LINK-ADDRESSES',
    `no two addresses of ${range.text} are free for a guest with egress`,
    {
      fix: 'End other guests with egress, or set UFR_TAP_POOL to a larger range that nothing else uses.',
    },
  )
}

async function makePair({ name, host }: Pair, pid: number): Promise<void> {
  const ip = startWorker('ip', ['-batch', '-'], environment())
  const hasIPv6 = fs.existsSync('/proc/sys/net/ipv6')
  const commands = [
    `link add ${name} type veth peer name ${uplink} netns ${pid}`,
    ...(hasIPv6 ? [`link set ${name} addrgenmode none`] : []),
    `address add ${host}/31 dev ${name}`,
    `link set ${name} up`,
  ]
  ip.write(`${commands.join('\n')}\n`)
  await ip.done()
}

/**
 * Takes the pair away again, from within the namespace: there its name is nobody else's. The kernel does so by itself,
 * but only with the namespace, and that stays for seconds where connections were open when the guest was ended.
 * @param pid of a process in the namespace. Where there is none any more, or no pair, that is no error.
 */
export async function dropUplink(pid: number): Promise<void> {
  const words = [`--net=/proc/${pid}/ns/net`, '--', 'ip', 'link', 'delete', uplink]
  await startWorker('nsenter', words, environment())
    .done()
    .catch((error: unknown) => {
      if (!(error instanceof WorkerError)) throw error
    })
}

function isTaken(error: unknown): boolean {
  return error instanceof WorkerError && error.lines.some((line) => /File exists/.test(line))
}

interface Held {
  worker: Worker
  table: string
  made: Promise<void>
  users: number
}

let held: Held | undefined

/**
 * Has the host's rules for guests with egress be there, from the first such guest of this process to the last.
 * @returns what ends this guest's share in them.
 * @throws WorkerError with the words of nft.
 */
export async function holdHostRules(): Promise<() => Promise<void>> {
  const mine = held ?? startHolding()
  held = mine
  mine.users++
  let given = false
  const release = async () => {
    if (given) return
    given = true
    if (--mine.users > 0) return
    if (held === mine) held = undefined
    await mine.worker.stop()
  }
  try {
    await mine.made
    return release
  } catch (error) {
    await release()
    throw error
  }
}

function startHolding(): Held {
  const table = `ufr_${randomBytes(6).toString('hex')}`
  const worker = startWorker('nft', ['--interactive'], environment())
  // The answer to the second command says that the first has been carried out.
  worker.write(`${hostRules(table)}\nlist table ip ${table}\n`)
  return { worker, table, made: worker.says(`table ip ${table} {`), users: 0 }
}

const forwarding = '/proc/sys/net/ipv4/ip_forward'

/**
 * Lets the host forward, where it does not yet, and says so: that stays, for by the time it could be taken back others
 * may count on it.
 */
export function letHostForward(progress: Progress): void {
  if (fs.readFileSync(forwarding, 'latin1').trim() !== '0') return
  fs.writeFileSync(forwarding, '1')
  progress.note('Switched on net.ipv4.ip_forward, which egress needs; it stays on (docs/links.md).')
}

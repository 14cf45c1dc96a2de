import { tinyElf } from '../../vmm/tiny-elf.ts'
import { type Assembler, assemble, type Operand, type Register } from './assembler.ts'

/**
 * The relay: a program of a thousand bytes that takes connections on one socket and carries each on to another. It runs
 * where ufr itself cannot be: in the network namespace of a guest (host side of the link `tap`), and in the Linux guest
 * (guest side of `vsock`). We assemble it ourselves, so that no host needs a compiler or a package for it, and no guest a
 * library.
 *
 * What is said on a connection to a guest's ports: the client sends the port (2 bytes, the high one first); the relay
 * connects, and answers with one byte 1, or closes where nobody listens. From there on bytes go both ways. On a
 * connection that a guest opens nothing is said: it leads to one socket of the host's.
 *
 * A transport that cannot say that only one side is done (Firecracker's vsock: csm/connection.rs there) carries frames
 * both ways: 2 bytes of length, the high one first, then as many bytes; length 0 ends that direction. The client then
 * closes the connection when both have ended; an end without its frame is an abort.
 */
export interface RelayOptions {
  /** The address to listen on, as the kernel takes it (`struct sockaddr`). */
  listen: Uint8Array
  /** Where each connection leads: to TCP ports of an IPv4 address, of which the client says one, or to one socket. */
  target: string | Uint8Array
  /** Whether the side that is towards the host carries frames: the client's, or that of the one socket. */
  framed: boolean
  /**
   * For a process of ufr's: it puts an empty file system of its own over /sys, where a socket's file is then for none
   * but its owner to see, gives up all rights, ends together with its parent, and says this on standard output.
   */
  tied: 'ready' | 'calls' | false
  /** How many connections there may be at a time, each of which costs two processes; more wait until one is over. */
  most?: number
}

/** Numbers of Linux on x86-64 (arch/x86/entry/syscalls/syscall_64.tbl; include/uapi for the constants). */
const sys = {
  ...{ read: 0, write: 1, close: 3, poll: 7, rt_sigaction: 13, getpid: 39, socket: 41, connect: 42 },
  ...{ shutdown: 48, bind: 49, listen: 50, setsockopt: 54, fork: 57, wait4: 61, getppid: 110 },
  ...{ capset: 126, prctl: 157, mount: 165, exit_group: 231, accept4: 288 },
} as const
const families = { unix: 1, inet: 2 } as const
const socketKind = 1 | 0o2000000 // SOCK_STREAM, SOCK_CLOEXEC
const shut = { write: 1, both: 2 } as const
const tcp = { level: 6, noDelay: 1 } as const
const signals = { kill: 9, pipe: 13, child: 17 } as const
const noHang = 1 // WNOHANG
const prctl = { parentDeathSignal: 1, noNewPrivileges: 38 } as const
const capabilityVersion = 0x20080522

/** Where things are in the stack frame. A frame's length stands right before its bytes. */
const frame = { address: 0, poll: 16, length: 26, buffer: 28, size: 28 + 65_536 } as const
const mostBytes = 65_535

/** These keep what is in them across system calls. `count` is of connections, then of bytes. */
const [listener, client, target, parent, count] = ['rbx', 'r12', 'r13', 'r14', 'r15'] as const

/** @returns an ELF file that needs nothing but the kernel. */
export function relayProgram(options: RelayOptions): Buffer {
  return tinyElf({ loadAddress: 0x400000, code: assemble((a) => write(a, options)) })
}

function write(a: Assembler, options: RelayOptions): void {
  a.set('rax', -frame.size)
  a.add('rsp', 'rax')
  a.set('rbp', 'rsp')
  const tied = options.tied !== false
  if (tied) tie(a)
  if (tied && familyOf(options.listen) === families.unix) hide(a)
  listen(a, options)
  if (options.tied) settle(a, options.tied)
  accept(a, options.most)
  serve(a, tied)
  if (typeof options.target === 'string') connectAsked(a, options.target)
  else connectFixed(a, options.target, options.framed)
  partWays(a)
  if (options.framed) carryFrames(a, tied)
  else carryBytes(a, tied)
  writeRoutines(a)
  writeData(a, options)
}

function familyOf(address: Uint8Array): number {
  return address[0]! | (address[1]! << 8)
}

/** By signal from here on; a parent that is gone already has left its end of standard input closed. */
function tie(a: Assembler): void {
  a.system(sys.prctl, prctl.parentDeathSignal, signals.kill)
  a.set(client, 0)
  a.store(frame.poll, client)
  a.store(frame.poll + 4, 0)
  a.system(sys.poll, { frame: frame.poll }, 1, 0)
  a.compare('rax', 0)
  a.jumpIf('!=', 'exit')
}

function hide(a: Assembler): void {
  const flags = 2 | 4 | 8 // MS_NOSUID, MS_NODEV, MS_NOEXEC
  a.system(sys.mount, { label: 'tmpfs' }, { label: 'place' }, { label: 'tmpfs' }, flags, 0)
  orFail(a)
}

function listen(a: Assembler, { listen: address, most }: RelayOptions): void {
  a.system(sys.socket, familyOf(address), socketKind, 0)
  orFail(a)
  a.set(listener, 'rax')
  a.system(sys.bind, listener, { label: 'address' }, address.length)
  orFail(a)
  a.system(sys.listen, listener, 4096)
  orFail(a)
  // A peer that is gone is an error of write; processes of connections are waited for only where they are counted.
  for (const signal of most === undefined ? [signals.child, signals.pipe] : [signals.pipe])
    a.system(sys.rt_sigaction, signal, { label: 'ignore' }, 0, 8)
}

function settle(a: Assembler, word: string): void {
  a.system(sys.capset, { label: 'capability version' }, { label: 'zeros' })
  orFail(a)
  a.system(sys.prctl, prctl.noNewPrivileges, 1, 0, 0, 0)
  orFail(a)
  a.system(sys.write, 1, { label: 'word' }, word.length + 1)
}

function accept(a: Assembler, most: number | undefined): void {
  a.system(sys.getpid)
  a.set(parent, 'rax')
  a.set(count, 0)
  a.label('accept')
  a.system(sys.accept4, listener, 0, 0, 0)
  a.compare('rax', 0)
  a.jumpIf('>=', 'accepted')
  // Out of descriptors or memory: a moment later there may be some.
  a.system(sys.poll, 0, 0, 10)
  a.jump('accept')
  a.label('accepted')
  a.set(client, 'rax')
  if (most !== undefined) awaitRoom(a, most)
  a.system(sys.fork)
  a.compare('rax', 0)
  a.jumpIf('=', 'serve')
  a.jumpIf('<', 'served')
  addTo(a, count, 1)
  a.label('served')
  a.system(sys.close, client)
  a.jump('accept')
}

/** Counts off the connections that are over, and waits for the end of one where there are too many. */
function awaitRoom(a: Assembler, most: number): void {
  a.label('reap')
  a.system(sys.wait4, -1, 0, noHang, 0)
  a.compare('rax', 0)
  a.jumpIf('<=', 'reaped')
  addTo(a, count, -1)
  a.jump('reap')
  a.label('reaped')
  a.compare(count, most)
  a.jumpIf('<', 'room')
  a.system(sys.wait4, -1, 0, 0, 0)
  addTo(a, count, -1)
  a.label('room')
}

function addTo(a: Assembler, register: Register, value: number): void {
  a.set('rax', value)
  a.add(register, 'rax')
}

/** What the process of a connection begins with. */
function serve(a: Assembler, tied: boolean): void {
  a.label('serve')
  if (tied) dieWithParent(a)
  a.system(sys.close, listener)
}

/** To the port that the client asks for, and says so. */
function connectAsked(a: Assembler, address: string): void {
  a.store(frame.address, families.inet)
  a.store(frame.address + 4, Buffer.from(address.split('.').map(Number)).readInt32LE())
  a.store(frame.address + 8, 0)
  a.store(frame.address + 12, 0)
  // The port comes in the order of bytes that the address wants.
  transfer(a, 'read all', client, { frame: frame.address + 2 }, 2)
  a.jumpIf('<=', 'exit')
  a.system(sys.socket, families.inet, socketKind, 0)
  orFail(a)
  a.set(target, 'rax')
  a.system(sys.connect, target, { frame: frame.address }, 16)
  orFail(a)
  a.system(sys.setsockopt, target, tcp.level, tcp.noDelay, { label: 'one' }, 4)
  a.system(sys.write, client, { label: 'one' }, 1)
  orFail(a)
}

/** To the one socket. Frames are what comes from the client: where that has none, the two change their places. */
function connectFixed(a: Assembler, address: Uint8Array, framed: boolean): void {
  a.system(sys.setsockopt, client, tcp.level, tcp.noDelay, { label: 'one' }, 4)
  a.system(sys.socket, familyOf(address), socketKind, 0)
  orFail(a)
  a.set(target, 'rax')
  a.system(sys.connect, target, { label: 'target' }, address.length)
  orFail(a)
  if (!framed) return
  a.set('rax', client)
  a.set(client, target)
  a.set(target, 'rax')
}

/** A second process has the way back, so that neither side waits. */
function partWays(a: Assembler): void {
  a.system(sys.getpid)
  a.set(parent, 'rax')
  a.system(sys.fork)
  a.compare('rax', 0)
  a.jumpIf('<', 'exit')
  a.jumpIf('=', 'way back')
}

function carryBytes(a: Assembler, tied: boolean): void {
  a.label('way there')
  a.system(sys.read, client, { frame: frame.buffer }, mostBytes)
  a.compare('rax', 0)
  a.jumpIf('<', 'client gone')
  a.jumpIf('=', 'client done')
  a.set(count, 'rax')
  transfer(a, 'write all', target, { frame: frame.buffer }, count)
  a.jumpIf('>', 'way there')
  a.label('client done')
  a.system(sys.shutdown, target, shut.write)
  // Until the client is gone as well, or the way back has ended: poll tells of that unasked.
  a.store(frame.poll, client)
  a.store(frame.poll + 4, 0)
  a.system(sys.poll, { frame: frame.poll }, 1, -1)
  a.label('client gone')
  a.system(sys.shutdown, target, shut.both)
  a.jump('exit')

  a.label('way back')
  if (tied) dieWithParent(a)
  a.label('back')
  a.system(sys.read, target, { frame: frame.buffer }, mostBytes)
  a.compare('rax', 0)
  a.jumpIf('<', 'target gone')
  a.jumpIf('=', 'target done')
  a.set(count, 'rax')
  transfer(a, 'write all', client, { frame: frame.buffer }, count)
  a.jumpIf('>', 'back')
  a.jump('client gone')
  a.label('target done')
  a.system(sys.shutdown, client, shut.write)
  a.jump('exit')
  a.label('target gone')
  a.system(sys.shutdown, client, shut.both)
  a.jump('exit')
}

function carryFrames(a: Assembler, tied: boolean): void {
  const length = { frame: frame.length }
  a.label('way there')
  transfer(a, 'read all', client, length, 2)
  a.jumpIf('<=', 'client gone')
  a.loadByte(count, frame.length)
  a.shiftLeft(count, 8)
  a.loadByte('rax', frame.length + 1)
  a.add(count, 'rax')
  a.compare(count, 0)
  a.jumpIf('=', 'client done')
  transfer(a, 'read all', client, { frame: frame.buffer }, count)
  a.jumpIf('<=', 'client gone')
  transfer(a, 'write all', target, { frame: frame.buffer }, count)
  a.jumpIf('>', 'way there')
  a.label('client done')
  a.system(sys.shutdown, target, shut.write)
  a.label('drain')
  a.system(sys.read, client, { frame: frame.buffer }, mostBytes)
  a.compare('rax', 0)
  a.jumpIf('>', 'drain')
  a.label('client gone')
  a.system(sys.shutdown, target, shut.both)
  a.jump('exit')

  a.label('way back')
  if (tied) dieWithParent(a)
  a.label('back')
  a.system(sys.read, target, { frame: frame.buffer }, mostBytes)
  a.compare('rax', 0)
  a.jumpIf('<', 'target gone')
  a.set(count, 'rax')
  a.storeByte(frame.length + 1, 'rax')
  a.shiftRight('rax', 8)
  a.storeByte(frame.length, 'rax')
  a.set('rdx', 2)
  a.add('rdx', count)
  transfer(a, 'write all', client, length, 'rdx')
  a.jumpIf('<=', 'client gone')
  a.compare(count, 0)
  a.jumpIf('!=', 'back')
  a.jump('exit')
  a.label('target gone')
  a.system(sys.shutdown, client, shut.both)
  a.jump('exit')
}

/** The signal is not inherited; and a parent that has died before it was asked for sends none. */
function dieWithParent(a: Assembler): void {
  a.system(sys.prctl, prctl.parentDeathSignal, signals.kill)
  a.system(sys.getppid)
  a.subtract('rax', parent)
  a.compare('rax', 0)
  a.jumpIf('!=', 'exit')
}

/** Reads or writes exactly so many bytes; a comparison of the outcome with 0 follows. */
function transfer(
  a: Assembler,
  how: 'read all' | 'write all',
  file: Operand,
  place: Operand,
  bytes: Operand,
): void {
  a.set('rdx', bytes)
  a.set('rdi', file)
  a.set('rsi', place)
  a.call(how)
  a.compare('rax', 0)
}

function orFail(a: Assembler): void {
  a.compare('rax', 0)
  a.jumpIf('<', 'fail')
}

function writeRoutines(a: Assembler): void {
  for (const [name, call] of [
    ['read all', sys.read],
    ['write all', sys.write],
  ] as const) {
    a.label(name)
    a.system(call)
    a.compare('rax', 0)
    a.jumpIf('<=', `${name}: end`)
    a.add('rsi', 'rax')
    a.subtract('rdx', 'rax')
    a.compare('rdx', 0)
    a.jumpIf('!=', name)
    a.label(`${name}: end`)
    a.ret()
  }
  // The exit status is the number of the error.
  a.label('fail')
  a.set('rdi', 0)
  a.subtract('rdi', 'rax')
  a.system(sys.exit_group)
  a.label('exit')
  a.system(sys.exit_group, 0)
}

function writeData(a: Assembler, { listen: address, target: goal, tied }: RelayOptions): void {
  const put = (name: string, bytes: string | Uint8Array) => {
    a.label(name)
    a.bytes(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  }
  put('tmpfs', 'tmpfs\0')
  put('place', '/sys\0')
  put('word', `${tied || ''}\n`)
  put('one', '\x01\0\0\0')
  const version = Buffer.alloc(8)
  version.writeUInt32LE(capabilityVersion)
  put('capability version', version)
  // struct sigaction with the handler SIG_IGN.
  put('ignore', '\x01')
  put('zeros', Buffer.alloc(32))
  put('address', address)
  if (typeof goal !== 'string') put('target', goal)
}

import { tinyElf } from '../../vmm/tiny-elf.ts'
import { type Assembler, assemble, type Operand } from './assembler.ts'

/**
 * The relay: a program of a thousand bytes that takes connections on one socket and carries each on to a TCP port of
 * one address. It runs where ufr itself cannot be: in the network namespace of a guest (host side of the link `tap`),
 * and in the Linux guest (guest side of `vsock`). We assemble it ourselves, so that no host needs a compiler or a
 * package for it, and no guest a library.
 *
 * What is said on a connection: the client sends the port (2 bytes, the high one first); the relay connects, and
 * answers with one byte 1, or closes where nobody listens. From there on bytes go both ways.
 *
 * A transport that cannot say that only one side is done (Firecracker's vsock: csm/connection.rs there) carries frames
 * both ways: 2 bytes of length, the high one first, then as many bytes; length 0 ends that direction. The client then
 * closes the connection when both have ended; an end without its frame is an abort.
 */
export interface RelayOptions {
  /** The address to listen on, as the kernel takes it (`struct sockaddr`). */
  listen: Uint8Array
  /** IPv4 address to connect to. */
  target: string
  framed: boolean
  /**
   * For a process of ufr's: it puts an empty file system of its own over /sys, where the socket's file is then for none
   * but its owner to see, gives up all rights, ends together with its parent, and says `ready` on standard output.
   */
  tied: boolean
}

/** Numbers of Linux on x86-64 (arch/x86/entry/syscalls/syscall_64.tbl; include/uapi for the constants). */
const sys = {
  ...{ read: 0, write: 1, close: 3, poll: 7, rt_sigaction: 13, getpid: 39, socket: 41, connect: 42 },
  ...{ shutdown: 48, bind: 49, listen: 50, setsockopt: 54, fork: 57, getppid: 110, capset: 126 },
  ...{ prctl: 157, mount: 165, exit_group: 231, accept4: 288 },
} as const
const inet = 2
const socketKind = 1 | 0o2000000 // SOCK_STREAM, SOCK_CLOEXEC
const shut = { write: 1, both: 2 } as const
const signals = { kill: 9, pipe: 13, child: 17 } as const
const prctl = { parentDeathSignal: 1, noNewPrivileges: 38 } as const
const capabilityVersion = 0x20080522

/** Where things are in the stack frame. A frame's length stands right before its bytes. */
const frame = { address: 0, poll: 16, length: 26, buffer: 28, size: 28 + 65_536 } as const
const mostBytes = 65_535

/** These keep what is in them across system calls. */
const [listener, client, target, parent, count] = ['rbx', 'r12', 'r13', 'r14', 'r15'] as const

/** @returns an ELF file that needs nothing but the kernel. */
export function relayProgram(options: RelayOptions): Buffer {
  return tinyElf({ loadAddress: 0x400000, code: assemble((a) => write(a, options)) })
}

function write(a: Assembler, options: RelayOptions): void {
  a.set('rax', -frame.size)
  a.add('rsp', 'rax')
  a.set('rbp', 'rsp')
  if (options.tied) tie(a)
  listen(a, options.listen)
  if (options.tied) settle(a)
  accept(a)
  connect(a, options)
  if (options.framed) carryFrames(a, options.tied)
  else carryBytes(a, options.tied)
  writeRoutines(a)
  writeData(a, options.listen)
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
  const flags = 2 | 4 | 8 // MS_NOSUID, MS_NODEV, MS_NOEXEC
  a.system(sys.mount, { label: 'tmpfs' }, { label: 'place' }, { label: 'tmpfs' }, flags, 0)
  orFail(a)
}

function listen(a: Assembler, address: Uint8Array): void {
  a.system(sys.socket, address[0]! | (address[1]! << 8), socketKind, 0)
  orFail(a)
  a.set(listener, 'rax')
  a.system(sys.bind, listener, { label: 'address' }, address.length)
  orFail(a)
  a.system(sys.listen, listener, 4096)
  orFail(a)
  // Processes of connections are not waited for, and a peer that is gone is an error of write.
  for (const signal of [signals.child, signals.pipe])
    a.system(sys.rt_sigaction, signal, { label: 'ignore' }, 0, 8)
}

function settle(a: Assembler): void {
  a.system(sys.capset, { label: 'capability version' }, { label: 'zeros' })
  orFail(a)
  a.system(sys.prctl, prctl.noNewPrivileges, 1, 0, 0, 0)
  orFail(a)
  a.system(sys.write, 1, { label: 'ready' }, 6)
}

function accept(a: Assembler): void {
  a.system(sys.getpid)
  a.set(parent, 'rax')
  a.label('accept')
  a.system(sys.accept4, listener, 0, 0, 0)
  a.compare('rax', 0)
  a.jumpIf('>=', 'accepted')
  // Out of descriptors or memory: a moment later there may be some.
  a.system(sys.poll, 0, 0, 10)
  a.jump('accept')
  a.label('accepted')
  a.set(client, 'rax')
  a.system(sys.fork)
  a.compare('rax', 0)
  a.jumpIf('=', 'serve')
  a.system(sys.close, client)
  a.jump('accept')
}

/** What the process of a connection begins with; a second one then has the way back, so that neither side waits. */
function connect(a: Assembler, { target: address, tied }: RelayOptions): void {
  a.label('serve')
  if (tied) dieWithParent(a)
  a.system(sys.close, listener)
  a.store(frame.address, inet)
  a.store(frame.address + 4, Buffer.from(address.split('.').map(Number)).readInt32LE())
  a.store(frame.address + 8, 0)
  a.store(frame.address + 12, 0)
  // The port comes in the order of bytes that the address wants.
  transfer(a, 'read all', client, { frame: frame.address + 2 }, 2)
  a.jumpIf('<=', 'exit')
  a.system(sys.socket, inet, socketKind, 0)
  orFail(a)
  a.set(target, 'rax')
  a.system(sys.connect, target, { frame: frame.address }, 16)
  orFail(a)
  const [tcp, noDelay] = [6, 1]
  a.system(sys.setsockopt, target, tcp, noDelay, { label: 'one' }, 4)
  a.system(sys.write, client, { label: 'one' }, 1)
  orFail(a)
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

function writeData(a: Assembler, address: Uint8Array): void {
  const put = (name: string, bytes: string | Uint8Array) => {
    a.label(name)
    a.bytes(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  }
  put('tmpfs', 'tmpfs\0')
  put('place', '/sys\0')
  put('ready', 'ready\n')
  put('one', '\x01\0\0\0')
  const version = Buffer.alloc(8)
  version.writeUInt32LE(capabilityVersion)
  put('capability version', version)
  // struct sigaction with the handler SIG_IGN.
  put('ignore', '\x01')
  put('zeros', Buffer.alloc(32))
  put('address', address)
}

import type { Duplex } from 'node:stream'
import { callPort, guestNetwork } from '../../vmm/machine.ts'
import { mostCalls } from '../link.ts'
import { acceptConnection, type Connection } from './connection.ts'
import { arpReply, flags, type Packet, readFrame, type Segment, type Station, tcpFrame } from './packets.ts'

/** Ours, locally administered, next to the guest's. */
const mac = Buffer.from('525400756673', 'hex')
/** QEMU's frames are at most this long (net.h, NET_BUFSIZE). */
const longestFrame = 4096 + 65_536
/**
 * What may wait for a guest that takes no frames: more than all its connections have under way. Beyond that frames are
 * lost, as on any wire; else a guest that asks and never listens would fill our memory.
 */
const mostWaiting = 8 << 20

/**
 * The network of a guest that may call and reach nothing else: this process itself is the only other station on its
 * wire, answers for the gateway's address, and takes TCP connections to `callPort` there. So no right is needed and no
 * process, the guest's packets are seen by nobody but its own ufr, and there is nothing else that it could reach: any
 * other connection is refused in the name of whom it was meant for.
 * @param socket where QEMU gives and takes frames, each after its length (4 bytes, the high one first: net/socket.c).
 * @param answer takes each connection.
 * @param patienceMs as of `acceptConnection`.
 */
export function attachWire(socket: Duplex, answer: (call: Duplex) => void, patienceMs?: number): void {
  const us: Station = { mac, ip: Buffer.from(guestNetwork.gateway.split('.').map(Number)).readUInt32BE() }
  const connections = new Map<string, Connection>()
  let pending: Buffer = Buffer.alloc(0)

  function send(frame: Buffer): void {
    if (socket.destroyed || socket.writableEnded || socket.writableLength > mostWaiting) return
    const length = Buffer.alloc(4)
    length.writeUInt32BE(frame.length)
    socket.write(Buffer.concat([length, frame]))
  }

  function take(packet: Packet): void {
    const { sender } = packet
    if (packet.kind === 'arp') {
      if (packet.asked === us.ip) send(arpReply(us, sender))
      return
    }
    const from = { mac: Buffer.from(sender.mac), ip: sender.ip }
    if (packet.target === us.ip) takeSegment(from, packet.segment)
    // What cannot be reached is refused, so that nobody waits for it.
    else refuse(packet.segment, replyFrom({ mac, ip: packet.target }, from, packet.segment))
  }

  function replyFrom(station: Station, to: Station, { sourcePort, targetPort }: Segment): Send {
    const ports = { sourcePort: targetPort, targetPort: sourcePort }
    return (answered) => send(tcpFrame(station, to, { ...answered, ...ports }))
  }

  function takeSegment(sender: Station, segment: Segment): void {
    const key = `${sender.ip}:${segment.sourcePort}:${segment.targetPort}`
    const known = connections.get(key)
    if (known) {
      known.receive(segment)
      return
    }
    const reply = replyFrom(us, sender, segment)
    const isOpening = (segment.flags & (flags.syn | flags.ack | flags.rst)) === flags.syn
    if (!isOpening || segment.targetPort !== callPort || connections.size >= mostCalls) {
      refuse(segment, reply)
      return
    }
    const connection = acceptConnection({
      opening: segment,
      send: reply,
      opened: answer,
      closed: () => connections.delete(key),
      ...(patienceMs !== undefined && { patienceMs }),
    })
    connections.set(key, connection)
  }

  socket.on('data', (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
    while (pending.length >= 4) {
      const length = pending.readUInt32BE(0)
      if (length > longestFrame) {
        socket.destroy()
        return
      }
      if (pending.length < 4 + length) break
      const packet = readFrame(pending.subarray(4, 4 + length))
      pending = pending.subarray(4 + length)
      if (packet) take(packet)
    }
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    for (const connection of [...connections.values()]) connection.drop()
  })
}

type Send = (segment: Omit<Segment, 'sourcePort' | 'targetPort'>) => void

/** RFC 9293, 3.10.7.1. */
function refuse(segment: Segment, reply: Send): void {
  if (segment.flags & flags.rst) return
  const hasAck = (segment.flags & flags.ack) !== 0
  const counted =
    segment.data.length + (segment.flags & flags.syn ? 1 : 0) + (segment.flags & flags.fin ? 1 : 0)
  reply({
    sequence: hasAck ? segment.acknowledgement : 0,
    acknowledgement: hasAck ? 0 : (segment.sequence + counted) >>> 0,
    flags: hasAck ? flags.rst : flags.rst | flags.ack,
    window: 0,
    data: Buffer.alloc(0),
  })
}

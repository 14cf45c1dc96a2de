/**
 * The packets that a guest and its host exchange when it calls: Ethernet, ARP (RFC 826), IPv4 (RFC 791) and TCP
 * (RFC 9293), without what nobody here needs: fragments, options but the maximum segment size.
 */

/** Of a link-layer address, in bytes. */
const macBytes = 6
const ethernetBytes = 14
const arpBytes = 28
const ipBytes = 20
const tcpBytes = 20
const types = { ip: 0x0800, arp: 0x0806 } as const
const tcpProtocol = 6
/** What Ethernet carries, and what is left of it for TCP. */
export const mtu = 1500
export const largestSegment = mtu - ipBytes - tcpBytes

export const flags = { fin: 1, syn: 2, rst: 4, push: 8, ack: 16 } as const

/** Where a packet goes to, or comes from. */
export interface Station {
  mac: Uint8Array
  /** IPv4, as a number. */
  ip: number
}

export interface Segment {
  sourcePort: number
  targetPort: number
  sequence: number
  acknowledgement: number
  flags: number
  window: number
  /** Maximum segment size that the sender takes, where it says one. */
  mss?: number
  data: Buffer
}

export type Packet =
  | { kind: 'arp'; sender: Station; asked: number }
  | { kind: 'tcp'; sender: Station; target: number; segment: Segment }

/** What a frame holds; undefined for anything that is of no concern here, damaged frames included. */
export function readFrame(frame: Buffer): Packet | undefined {
  if (frame.length < ethernetBytes) return undefined
  const mac = frame.subarray(macBytes, 2 * macBytes)
  const type = frame.readUInt16BE(2 * macBytes)
  const body = frame.subarray(ethernetBytes)
  if (type === types.arp) return readArp(body)
  return type === types.ip ? readIp(body, mac) : undefined
}

function readArp(body: Buffer): Packet | undefined {
  // A request of Ethernet for IPv4.
  if (body.length < arpBytes || body.readUInt32BE(0) !== 0x0001_0800 || body.readUInt32BE(4) !== 0x0604_0001)
    return undefined
  const sender = { mac: body.subarray(8, 8 + macBytes), ip: body.readUInt32BE(14) }
  return { kind: 'arp', sender, asked: body.readUInt32BE(24) }
}

function readIp(body: Buffer, mac: Buffer): Packet | undefined {
  if (body.length < ipBytes || body[0]! >> 4 !== 4 || body[9] !== tcpProtocol) return undefined
  const header = (body[0]! & 0xf) * 4
  const total = body.readUInt16BE(2)
  const isFragment = (body.readUInt16BE(6) & 0x3fff) !== 0
  if (header < ipBytes || isFragment || total > body.length || total < header + tcpBytes) return undefined
  const segment = readTcp(body.subarray(header, total))
  if (!segment) return undefined
  return {
    kind: 'tcp',
    sender: { mac, ip: body.readUInt32BE(12) },
    target: body.readUInt32BE(16),
    segment,
  }
}

function readTcp(bytes: Buffer): Segment | undefined {
  const header = (bytes[12]! >> 4) * 4
  if (header < tcpBytes || header > bytes.length) return undefined
  const mss = maximumSegment(bytes.subarray(tcpBytes, header))
  return {
    sourcePort: bytes.readUInt16BE(0),
    targetPort: bytes.readUInt16BE(2),
    sequence: bytes.readUInt32BE(4),
    acknowledgement: bytes.readUInt32BE(8),
    flags: bytes[13]!,
    window: bytes.readUInt16BE(14),
    ...(mss !== undefined && { mss }),
    data: bytes.subarray(header),
  }
}

function maximumSegment(options: Buffer): number | undefined {
  for (let at = 0; at + 1 < options.length; ) {
    const kind = options[at]!
    if (kind === 0) return undefined
    if (kind === 1) {
      at++
      continue
    }
    const length = options[at + 1]!
    if (kind === 2 && length === 4 && at + 4 <= options.length) return options.readUInt16BE(at + 2)
    if (length < 2) return undefined
    at += length
  }
  return undefined
}

/** The answer to "who has this address": we do. */
export function arpReply(from: Station, to: Station): Buffer {
  const frame = Buffer.alloc(ethernetBytes + arpBytes)
  writeEthernet(frame, from.mac, to.mac, types.arp)
  const body = frame.subarray(ethernetBytes)
  body.writeUInt32BE(0x0001_0800, 0)
  body.writeUInt32BE(0x0604_0002, 4)
  body.set(from.mac, 8)
  body.writeUInt32BE(from.ip, 14)
  body.set(to.mac, 18)
  body.writeUInt32BE(to.ip, 24)
  return frame
}

/** A segment in its frame. */
export function tcpFrame(from: Station, to: Station, segment: Segment): Buffer {
  const options = segment.mss === undefined ? 0 : 4
  const bytes = tcpBytes + options + segment.data.length
  const frame = Buffer.alloc(ethernetBytes + ipBytes + bytes)
  writeEthernet(frame, from.mac, to.mac, types.ip)
  const ip = frame.subarray(ethernetBytes, ethernetBytes + ipBytes)
  ip[0] = 0x45
  ip.writeUInt16BE(ipBytes + bytes, 2)
  ip.writeUInt16BE(0x4000, 6) // not to be fragmented
  ip[8] = 64
  ip[9] = tcpProtocol
  ip.writeUInt32BE(from.ip, 12)
  ip.writeUInt32BE(to.ip, 16)
  ip.writeUInt16BE(checksum(ip, 0), 10)
  const tcp = frame.subarray(ethernetBytes + ipBytes)
  tcp.writeUInt16BE(segment.sourcePort, 0)
  tcp.writeUInt16BE(segment.targetPort, 2)
  tcp.writeUInt32BE(segment.sequence, 4)
  tcp.writeUInt32BE(segment.acknowledgement, 8)
  tcp[12] = ((tcpBytes + options) / 4) << 4
  tcp[13] = segment.flags
  tcp.writeUInt16BE(segment.window, 14)
  if (segment.mss !== undefined) tcp.writeUInt32BE(0x0204_0000 | segment.mss, tcpBytes)
  tcp.set(segment.data, tcpBytes + options)
  // The pseudo-header: both addresses, protocol, length.
  tcp.writeUInt16BE(checksum(tcp, sum(ip.subarray(12)) + tcpProtocol + bytes), 16)
  return frame
}

function writeEthernet(frame: Buffer, from: Uint8Array, to: Uint8Array, type: number): void {
  frame.set(to, 0)
  frame.set(from, macBytes)
  frame.writeUInt16BE(type, 2 * macBytes)
}

/** RFC 1071. */
function checksum(bytes: Buffer, start: number): number {
  let total = start + sum(bytes)
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16)
  return ~total & 0xffff
}

function sum(bytes: Buffer): number {
  let total = 0
  for (let at = 0; at + 1 < bytes.length; at += 2) total += (bytes[at]! << 8) | bytes[at + 1]!
  return bytes.length % 2 === 1 ? total + (bytes[bytes.length - 1]! << 8) : total
}

import { UfrError } from '../../../base/errors.ts'

const maxRecords = 1000

/**
 * The records of an extended header (POSIX.1-2017, pax: "pax Extended Header"): `LENGTH KEY=VALUE` and a line feed each,
 * the length being that of the whole record.
 * @throws UfrError UFR-FORMAT where it does not consist of such.
 */
export function parsePax(bytes: Uint8Array): Map<string, Uint8Array> {
  const records = new Map<string, Uint8Array>()
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at)
    const digits = Buffer.from(bytes.subarray(at, Math.max(at, Math.min(space, at + 10)))).toString('latin1')
    const end = at + Number(digits)
    const equals = bytes.indexOf(0x3d, space)
    const fits = /^[1-9]\d*$/.test(digits) && end <= bytes.length && space < equals && equals < end
    if (!fits || bytes[end - 1] !== 0x0a || records.size >= maxRecords) {
      throw new UfrError('UFR-FORMAT', 'not a tar archive that can be read: an extended header is broken')
    }
    const key = Buffer.from(bytes.subarray(space + 1, equals)).toString('latin1')
    records.set(key, bytes.subarray(equals + 1, end - 1))
    at = end
  }
  return records
}

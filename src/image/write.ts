import fs from 'node:fs'
import path from 'node:path'
import { dataError, temporaryName } from '../base/atomic.ts'
import type { Layout } from './layout.ts'

const gatherBytes = 1 << 20

/**
 * Writes a layout to a file: into a temporary file beside it, then renamed, so that a full disk or a crash never
 * leaves half an image under the image's name.
 * @throws UfrError UFR-DATA where the folder cannot be written; whatever reading a content throws.
 */
export async function writeLayout(file: string, layout: Layout): Promise<void> {
  const temporary = temporaryName(file)
  let fd: number | undefined
  let left = false
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fd = fs.openSync(temporary, 'wx', 0o644)
    left = true
    // Sets the size first: gaps stay holes, and a disk too small for a sparse file's size is noticed at once.
    fs.ftruncateSync(fd, layout.size)
    await writePieces(fd, layout)
    fs.closeSync(fd)
    fd = undefined
    fs.renameSync(temporary, file)
    left = false
  } catch (error) {
    throw dataError(error, path.dirname(file))
  } finally {
    if (fd !== undefined) fs.closeSync(fd)
    if (left) fs.rmSync(temporary, { force: true })
  }
}

/** Small pieces that lie close together are gathered into one write: a call per 4 KiB would dominate. */
async function writePieces(fd: number, layout: Layout): Promise<void> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(gatherBytes, layout.size))
  // What is gathered is for the bytes of the file from `start` to `end`.
  let start = 0
  let end = 0
  function flush(): void {
    writeAll(fd, buffer.subarray(0, end - start), start)
    start = end
  }
  function begin(offset: number): void {
    if (offset - end > 4096 || offset - start > buffer.length) flush()
    if (end === start) start = offset
    else buffer.fill(0, end - start, offset - start)
    end = offset
  }
  function put(chunk: Uint8Array): void {
    const large = chunk.length >= buffer.length / 2
    if (large || end - start + chunk.length > buffer.length) flush()
    if (large) {
      writeAll(fd, chunk, end)
      start = end += chunk.length
    } else {
      buffer.set(chunk, end - start)
      end += chunk.length
    }
  }
  for (const { offset, content } of layout.pieces) {
    begin(offset)
    if (content.ahead) for await (const chunk of content.ahead()) put(chunk)
    else for (const chunk of content.chunks()) put(chunk)
  }
  flush()
}

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += fs.writeSync(fd, bytes, done, bytes.length - done, position + done)
  }
}

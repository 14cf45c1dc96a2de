import fs from 'node:fs'
import http from 'node:http'

/** What a fake Firecracker does beside what it is asked for. */
export interface Play {
  /** Answers to requests, by path or by `PATH action`: Firecracker's words for a refusal. */
  refuse?: Record<string, string>
  /** Ends by SIGKILL when this request comes; before it even listens for `start`. */
  dieAt?: string
  /** Never answers this request. */
  hangAt?: string
  /** Ends with this status, having said so in the log, when this request comes. */
  exitAt?: { path: string; status: number; log: string }
  /** What the guest prints when it runs. */
  console?: string
  /** Milliseconds from the guest's start to its end; for ever where there is none. */
  endsAfter?: number
}

/** Writes a program that plays Firecracker; what it is asked for goes to `requests`, a JSON array a line. */
export function fakeFirecracker(file: string, requests: string, play: Play = {}): string {
  const self = new URL(import.meta.url).href
  const text = `#!${process.execPath}
import(${JSON.stringify(self)}).then((fake) => fake.playFirecracker(${JSON.stringify({ requests, play })}))
`
  fs.writeFileSync(file, text, { mode: 0o755 })
  return file
}

/** Runs in the process of the fake. */
export function playFirecracker({ requests, play }: { requests: string; play: Play }): void {
  const [, , ...args] = process.argv
  const record = (...what: unknown[]) => fs.appendFileSync(requests, `${JSON.stringify(what)}\n`)
  if (args.includes('--version')) {
    console.log('Firecracker v1.16.1\n')
    return
  }
  record('arguments', args)
  const option = (name: string) => args[args.indexOf(name) + 1]!
  const open = (name: string) => fs.openSync(option(name), fs.constants.O_RDWR | fs.constants.O_NONBLOCK)
  const log = open('--log-path')
  const metrics = open('--metrics-path')
  const say = (text: string) => fs.writeSync(log, `2026-11-23T21:15:02.059252844 [ufr:fc_api] ${text}\n`)
  const die = () => process.kill(process.pid, 'SIGKILL')
  if (play.dieAt === 'start') die()
  let flushes = 0

  function run(): void {
    if (play.console !== undefined) fs.writeSync(1, play.console)
    if (play.endsAfter !== undefined) setTimeout(() => process.exit(0), play.endsAfter)
  }

  const server = http.createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request.setEncoding('utf8')) text += chunk
    const body = text === '' ? undefined : JSON.parse(text)
    const action = body?.action_type as string | undefined
    const what = action === undefined ? request.url! : `${request.url} ${action}`
    record(request.method, request.url, body)
    if (what === play.dieAt) return die()
    if (what === play.hangAt) return
    if (what === play.exitAt?.path) {
      say(play.exitAt.log)
      process.exit(play.exitAt.status)
    }
    const fault = play.refuse?.[what]
    if (fault !== undefined) {
      say(`Received Error. Status code: 400 Bad Request. Message: ${fault}`)
      response.writeHead(400, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ fault_message: fault }))
      return
    }
    if (action === 'FlushMetrics') fs.writeSync(metrics, `{"utc_timestamp_ms":1,"flushes":${++flushes}}\n`)
    if (action === 'InstanceStart') run()
    response.writeHead(204).end()
  })
  server.listen(option('--api-sock'))
}

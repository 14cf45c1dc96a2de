/** Something that tells a person what goes on. Lines go to standard error; a result never does. */
export interface Progress {
  /** A step begins; ends the one before it. Shown only when it lasts longer than a moment. */
  step(text: string): void
  /** How much of the current step is done, for downloads and the like. */
  amount(done: number, total: number | undefined): void
  /** Something a person should know although nothing is wrong: always shown. */
  note(text: string): void
  /** The current step is over. */
  done(): void
}

const silent: Progress = { step() {}, amount() {}, note() {}, done() {} }

/** A progress that shows nothing: for tests and for callers that have nobody to tell. */
export function noProgress(): Progress {
  return silent
}

const quietMs = 1000
const redrawMs = 100

function percent(done: number, total: number | undefined): string {
  const mib = (n: number) => (n / 2 ** 20).toFixed(1)
  return total ? ` ${Math.floor((100 * done) / total)}% of ${mib(total)} MiB` : ` ${mib(done)} MiB`
}

/** Progress on a terminal (one line, redrawn) or elsewhere (plain lines, few of them). */
export function streamProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  const terminal = stream.isTTY === true
  let current: string | undefined
  let suffix = ''
  let shown = false
  let timer: NodeJS.Timeout | undefined
  let lastDraw = 0

  function draw(): void {
    if (current === undefined) return
    lastDraw = Date.now()
    if (terminal) stream.write(`\r\x1b[K${current}${suffix}`)
    else stream.write(`${current}${suffix}\n`)
    shown = true
  }

  function end(): void {
    if (timer) clearTimeout(timer)
    if (shown && terminal) stream.write('\r\x1b[K')
    timer = undefined
    current = undefined
    suffix = ''
    shown = false
  }

  return {
    step(text) {
      end()
      current = text
      timer = setTimeout(draw, quietMs)
      timer.unref()
    },
    amount(done, total) {
      suffix = percent(done, total)
      const wait = terminal ? redrawMs : 5000
      if (shown && Date.now() - lastDraw >= wait) draw()
    },
    note(text) {
      const step = current
      if (shown && terminal) stream.write('\r\x1b[K')
      stream.write(`${text}\n`)
      if (shown && terminal && step !== undefined) draw()
    },
    done: end,
  }
}

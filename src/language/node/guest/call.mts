import type { Context } from './context.mts'
import { runtimeError } from './errors.mts'
import type { Handler } from './load.mts'

/** Sets what happens when nothing is left in the event loop that could go on with the invocation. */
export type SetIdle = (whenIdle: () => void) => void

/**
 * Calls a handler of any form and settles with its answer:
 * - a promise is waited for and nothing else;
 * - a callback answers when the event loop is empty, or at once where `callbackWaitsForEmptyEventLoop` is false;
 * - `context.done`, `succeed` and `fail` answer at once;
 * - who does none of these answers null when the event loop is empty; for an async function that is an error, since
 *   its promise can no longer be settled. What a plain function returns counts only if it is a promise.
 * The first answer counts. AWS has dropped callbacks with Node.js 24; here they work with every version.
 */
export function callHandler(
  handler: Handler,
  event: unknown,
  context: Context,
  setIdle: SetIdle,
): Promise<unknown> {
  const { promise, resolve, reject } = settleable<unknown>()
  const isNothing = (error: unknown) => error === undefined || error === null
  let answered = false
  function done(error?: unknown, result?: unknown, waits = false): void {
    if (answered) return
    answered = true
    if (!isNothing(error)) reject(error)
    else if (waits) setIdle(() => resolve(result))
    else resolve(result)
  }
  const succeed = (result?: unknown) => done(null, result)
  const fail = (error?: unknown) => done(isNothing(error) ? 'handled' : error)
  const callback = (error?: unknown, result?: unknown) =>
    done(error, result, context.callbackWaitsForEmptyEventLoop)
  context.done = (error, result) => done(error, result)
  context.succeed = succeed
  context.fail = fail

  setIdle(() => (handler.constructor.name === 'AsyncFunction' ? reject(neverSettled()) : resolve(null)))
  try {
    const returned = handler(event, context, callback)
    if (isPromise(returned)) returned.then(succeed, fail)
  } catch (error) {
    fail(error)
  }
  return promise
}

/** Of another realm or library too, so `instanceof` would not do. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function'
}

export function neverSettled(): Error {
  return runtimeError(
    'NodeJsExit',
    'the event loop is empty, and the promise that the handler returned is not settled',
  )
}

export interface Settleable<T> {
  promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
}

/** `Promise.withResolvers`, which Node has from 22 on. */
export function settleable<T>(): Settleable<T> {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

import { UfrError } from '../../base/errors.ts'

type Environment = Record<string, string | undefined>

function setting(environment: Environment, name: string): string | undefined {
  return environment[name.toLowerCase()] || environment[name] || undefined
}

/**
 * The proxy for an address by HTTP_PROXY, HTTPS_PROXY and NO_PROXY (lower case wins, as in curl), or undefined.
 * Written here because `proxyEnv` of node:http's Agent came only with Node.js 24.5 and 22.21.
 * @throws UfrError UFR-DOWNLOAD where the variable holds no http or https address.
 */
export function proxyFor(url: URL, environment: Environment = process.env): URL | undefined {
  const name = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY'
  const value = setting(environment, name)
  if (value === undefined || withoutProxy(url, setting(environment, 'NO_PROXY') ?? '')) return undefined
  const text = value.includes('://') ? value : `http://${value}`
  const proxy = URL.canParse(text) ? new URL(text) : undefined
  if (proxy?.protocol !== 'http:' && proxy?.protocol !== 'https:') {
    throw new UfrError('UFR-DOWNLOAD', `${name} is not the address of an HTTP proxy`, {
      fix: `Set ${name} to http://HOST:PORT, or unset it.`,
    })
  }
  return proxy
}

/** NO_PROXY: hosts by comma or space, each with the hosts below it, an optional port, `*` for everything. */
function withoutProxy(url: URL, list: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase()
  const port = url.port || (url.protocol === 'https:' ? '443' : '80')
  for (const item of list.toLowerCase().split(/[\s,]+/)) {
    if (item === '*') return true
    const wanted = hostAndPort(item)
    if (wanted.host === '' || (wanted.port !== undefined && wanted.port !== port)) continue
    if (host === wanted.host || host.endsWith(`.${wanted.host}`)) return true
  }
  return false
}

/** `host`, `.host`, `*.host`, `host:port`, `[v6]:port` or a bare IPv6 address. */
function hostAndPort(item: string): { host: string; port: string | undefined } {
  const bracketed = /^\[([^\]]*)\](?::(\d+))?$/.exec(item)
  if (bracketed) return { host: bracketed[1] ?? '', port: bracketed[2] }
  const named = /^\*?\.?([^:]*)(?::(\d+))?$/.exec(item)
  return named ? { host: named[1] ?? '', port: named[2] } : { host: item, port: undefined }
}

/** The value of an Authorization or Proxy-Authorization header for the user and password in an address. */
export function basicAuthorization(url: URL): string | undefined {
  if (url.username === '' && url.password === '') return undefined
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  return `Basic ${Buffer.from(pair).toString('base64')}`
}

/** An address for messages and records: never with its user and password. */
export function shownUrl(url: string | URL): string {
  const shown = new URL(url)
  shown.username = ''
  shown.password = ''
  return shown.href
}

/**
 * Where an upstream address is really fetched from: with UFR_MIRROR set to a base address, the upstream host becomes
 * the first part of the path there: `https://host/a/b` is then `$UFR_MIRROR/host/a/b`.
 * @throws UfrError UFR-DOWNLOAD where UFR_MIRROR is no http or https address.
 */
export function mirrored(url: string, environment: Environment = process.env): URL {
  const upstream = new URL(url)
  const base = environment['UFR_MIRROR']
  if (!base) return upstream
  const mirror = URL.canParse(base) ? new URL(base) : undefined
  if (mirror?.protocol !== 'http:' && mirror?.protocol !== 'https:') {
    throw new UfrError('UFR-DOWNLOAD', 'UFR_MIRROR is not an http or https address', {
      fix: 'Set UFR_MIRROR to http://HOST/FOLDER or https://HOST/FOLDER, or unset it.',
    })
  }
  mirror.pathname = `${mirror.pathname.replace(/\/+$/, '')}/${upstream.host}${upstream.pathname}`
  mirror.search = upstream.search
  mirror.hash = ''
  return mirror
}

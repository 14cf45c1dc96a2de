import fs from 'node:fs'
import path from 'node:path'

/** A function that brings many modules. */
export interface ModulesFunction {
  title: string
  folder: string
  /** What the handler answers as `loaded`; as `cached`, whether Node.js has a compile cache. */
  loads: number
}

const modules = 60
const functionsEach = 64
/** One in so many is called while its module loads, and then compiled after all. */
const calledEach = 2
const config = '{ "runtime": "nodejs24.x", "handler": "index.handler" }\n'

/** The same code twice: as packages, a file each, as npm installs them; and as one file, as bundlers write it. */
export function makeModules(folder: string): ModulesFunction[] {
  const packages = path.join(folder, 'packages')
  const names = Array.from({ length: modules }, (_, i) => `package-${i}`)
  for (const [i, name] of names.entries()) {
    const at = path.join(packages, 'node_modules', name)
    fs.mkdirSync(at, { recursive: true })
    fs.writeFileSync(path.join(at, 'package.json'), `{ "name": "${name}", "main": "index.js" }\n`)
    fs.writeFileSync(path.join(at, 'index.js'), `'use strict'\n${moduleText(i)}\nmodule.exports = start()\n`)
  }
  writeFunction(packages, names.map((name) => `require('${name}')`).join(',\n  '))
  const bundle = path.join(folder, 'bundle')
  fs.mkdirSync(bundle)
  const inOne = names.map((_, i) => `(() => {\n${moduleText(i)}\nreturn start()\n})()`)
  writeFunction(bundle, inOne.join(',\n  '))
  const kib = Math.round(fs.statSync(path.join(bundle, 'index.cjs')).size / 1024)
  return [
    { title: `${modules} packages of ${Math.round(kib / modules)} KiB`, folder: packages, loads: modules },
    { title: `a bundle of ${kib} KiB`, folder: bundle, loads: modules },
  ]
}

function writeFunction(folder: string, loaded: string): void {
  fs.writeFileSync(path.join(folder, 'ufr.json'), config)
  const cached = "require('node:module').getCompileCacheDir() !== undefined"
  const answer = `{ message: 'Hello, ' + name + '!', loaded: loaded.length, cached: ${cached} }`
  const text = `const loaded = [\n  ${loaded}\n]\nexports.handler = async ({ name }) => (${answer})\n`
  fs.writeFileSync(path.join(folder, 'index.cjs'), text)
}

/** As libraries are: more that may be called than what is called while they load. */
function moduleText(number: number): string {
  const names = Array.from({ length: functionsEach }, (_, i) => `method${number * functionsEach + i}`)
  const functions = names.map((name, i) => functionText(name, number * functionsEach + i))
  const called = names
    .filter((_, i) => i % calledEach === 0)
    .map((name) => `${name}([${number}, 1, 2], { limit: 9 })`)
  const start = `function start() {\n  return [\n    ${called.join(',\n    ')},\n  ]\n}`
  return [...functions, `const table = { ${names.join(', ')} }`, start].join('\n')
}

function functionText(name: string, number: number): string {
  return `function ${name}(values, { limit = ${number}, name = 'value ${number}' } = {}) {
  const found = new Map()
  for (const [index, value] of values.entries()) {
    if (typeof value !== 'number' || index > limit) throw new TypeError(\`\${name}: \${value} at \${index}\`)
    const key = value % 2 === 0 ? \`even-\${value}\` : \`odd-\${value + ${number % 97}}\`
    found.set(key, { ...found.get(key), [name]: table !== undefined && value * ${number + 1} })
  }
  return [...found].map(([key, each]) => ({ key, ...each })).filter((each) => each[name] !== ${number})
}
`
}

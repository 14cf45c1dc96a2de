import fs from 'node:fs'
import path from 'node:path'

const fileBytes = 1024

/** A handler of so many files in a folder. */
export function makeFunction(folder: string, files: number): string {
  fs.mkdirSync(path.join(folder, 'lib'), { recursive: true })
  fs.writeFileSync(path.join(folder, 'ufr.json'), '{ "runtime": "nodejs24.x", "handler": "index.handler" }\n')
  fs.writeFileSync(path.join(folder, 'index.mjs'), 'export const handler = async (event) => event\n')
  for (let i = 2; i < files; i++) fs.writeFileSync(path.join(folder, 'lib', `${i}.mjs`), content(i))
  return folder
}

/** Changes one of its files. No two editions are alike. */
export function changeFunction(folder: string, edition: number): void {
  fs.writeFileSync(path.join(folder, 'lib/2.mjs'), content(1_000_000 + edition))
}

function content(number: number): string {
  return `export const number = ${number} //`.padEnd(fileBytes - 1, '.').concat('\n')
}

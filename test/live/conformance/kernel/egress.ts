import assert from 'node:assert/strict'
import { outside } from '../../outside.ts'
import { penned } from '../../pen.ts'
import { webFunction } from '../vehicle.ts'
import { formOf, type Group } from './group.ts'
import { exchange, hostIsOutOfReach, serve } from './served.ts'

export const outgoing: Group = {
  title: 'a web function with egress',
  cases: ['egress', 'dns', 'egress-host'],
  everyLink: true,
  lack({ link, egress }) {
    if (!egress) return `the link ${link} has no egress`
    return !penned && 'no network namespaces to put an outside into'
  },
  async run(t, subject, check) {
    const folder = webFunction(t, formOf(subject), {
      args: [],
      environment: {},
      memory: 400,
      timeout: 60,
      network: 'egress',
    })
    const server = await serve(t, subject, folder)
    const get = async (path: string) => (await exchange(`${server.url}${path}`)).toString()
    await check('egress', async () => assert.equal(await get(`connect?${outside.web}`), 'connected'))
    await check('dns', async () => assert.equal(await get(`resolve?${outside.name}`), outside.address))
    await check('egress-host', () => hostIsOutOfReach(get))
    server.child.kill('SIGINT')
    assert.equal((await server.ended).status, 130)
  },
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { folderOf, kernels, lacking, ufr } from './ufr.ts'

/** Each of them is another thing that a kernel may do in its own way; a handler does them all and tells how it went. */
const all = `import asyncio, datetime, hashlib, json, logging, sqlite3, ssl, tempfile, threading, time, zoneinfo

def slept():
    start = time.monotonic()
    time.sleep(0.05)
    return 0.04 < time.monotonic() - start < 5

def thread():
    found = []
    worker = threading.Thread(target=lambda: found.append(1))
    worker.start()
    worker.join()
    return found == [1]

async def echo():
    async def answer(reader, writer):
        writer.write(await reader.readline())
        writer.close()
    server = await asyncio.start_server(answer, '127.0.0.1', 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b'hi\\n')
    return await reader.readline() == b'hi\\n'

def written():
    with tempfile.NamedTemporaryFile('w+') as file:
        file.write('x')
        file.seek(0)
        return file.read() == 'x'

def lambda_handler(event, context):
    logging.getLogger().warning('warned')
    return {
        'slept': slept(), 'thread': thread(), 'asyncio': asyncio.run(echo()), 'written': written(),
        'authorities': len(ssl.create_default_context().get_ca_certs()) > 50,
        'zone': datetime.datetime(2026, 1, 1, tzinfo=zoneinfo.ZoneInfo('Asia/Tokyo')).isoformat()[-6:] == '+09:00',
        'sqlite': sqlite3.connect(':memory:').execute('select 1').fetchall() == [(1,)],
        'sha256': hashlib.sha256(b'').hexdigest()[:4] == 'e3b0',
    }
`

for (const kernel of kernels) {
  const options = { skip: lacking(kernel) }
  const on = ['--unikernel', kernel, '--accel', 'tcg']

  test(
    `${kernel}: what Python's library does with a kernel works, with the older Python too`,
    options,
    async (t) => {
      const folder = folderOf(t, {
        'lambda_function.py': all,
        'ufr.json': '{ "name": "all", "runtime": "python3.11", "handler": "lambda_function.lambda_handler" }',
      })
      const { status, stdout, stderr } = await ufr(t, ['run', folder, ...on])
      assert.equal(status, 0, stderr)
      const failed = Object.entries(JSON.parse(stdout)).filter(([, works]) => works !== true)
      assert.deepEqual(failed, [])
      assert.match(stderr + stdout, /\[WARNING\]\t\S+Z\t\S+\twarned/)
    },
  )
}

const any = kernels.find((kernel) => lacking(kernel) === false)

test('packages with machine code are installed for the guest and work there', {
  skip: any ? false : 'no kernel',
}, async (t) => {
  const folder = folderOf(t, {
    'lambda_function.py': `import orjson
def lambda_handler(event, context):
    return orjson.loads(orjson.dumps({'a': [1]}))`,
    'requirements.txt': 'orjson\n',
  })
  const { status, stdout, stderr } = await ufr(t, ['run', folder, '--unikernel', any!, '--accel', 'tcg'])
  if (/UFR-REQUIREMENTS[\s\S]*network/.test(stderr)) return t.skip('no package index can be reached')
  assert.equal(status, 0, stderr)
  assert.deepEqual(JSON.parse(stdout), { a: [1] })
})

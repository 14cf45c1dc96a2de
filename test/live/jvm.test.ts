import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hostJdks } from '../../src/kernel/java/jdk.ts'
import { oldestJava } from '../../src/kernel/java/version.ts'
import { listRuntimes } from '../../src/kernel/runtimes.ts'
import { folderOf, kernels, lacking, ufr } from './ufr.ts'

const noJdk =
  hostJdks().some(({ major }) => major >= oldestJava) ||
  listRuntimes().runtimes.some(({ language }) => language === 'java')
    ? false
    : 'no JDK on this host or in the store'

for (const kernel of kernels) {
  const skip = lacking(kernel) || noJdk
  test(`a Java handler and a web function answer on ${kernel}`, { skip }, async (t) => {
    const event = ['--event', '{"name":"Ada"}', '--unikernel', kernel]
    const handler = await ufr(t, ['run', 'examples/hello-java', ...event])
    assert.equal(handler.status, 0, handler.stderr)
    assert.equal((JSON.parse(handler.stdout) as { message: string }).message, 'Hello, Ada!')
    const web = await ufr(t, ['run', 'examples/web-java', '--request', '/', '--unikernel', kernel])
    assert.equal(web.status, 0, web.stderr)
    assert.equal(web.stdout, 'Hello from Java on a unikernel!\n')
  })
}

test('sources that do not compile are told by file and line', { skip: noJdk }, async (t) => {
  const folder = folderOf(t, {
    'Hello.java': 'public class Hello {\n  public String handle(String s) { return x; }\n}\n',
    'ufr.json': '{ "runtime": "java", "handler": "Hello::handle" }',
  })
  const { status, stderr } = await ufr(t, ['build', folder])
  assert.equal(status, 4, stderr)
  assert.match(stderr, /UFR-BUILD/)
  assert.match(stderr, /Hello\.java:2: error: cannot find symbol/)
})

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: OSv's own variables look like that.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { homePath } from '../../src/base/paths.ts'
import { hostJdks, jdkTools, runJava, storedJdk } from '../../src/kernel/java/jdk.ts'
import { oldestJava } from '../../src/kernel/java/version.ts'
import { listRuntimes } from '../../src/kernel/runtimes.ts'
import { jarOf } from '../../src/language/jvm/guest-files.ts'
import { classFile, jar, mainMethod, place } from '../language/jvm-classes.ts'
import { folderOf, lacking, root, ufr } from './ufr.ts'

/** The examples are run by languages.test.ts. */
const stored = listRuntimes().runtimes.filter(({ language }) => language === 'java')
const hosts = hostJdks().filter(({ major }) => major >= oldestJava)
const noJdk = hosts.length + stored.length > 0 ? false : 'no JDK on this host or in the store'
const event = ['--event', '{"name":"Ada"}']

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>example</groupId>
  <artifactId>greeter</artifactId>
  <version>1.0</version>
  <properties>
    <maven.compiler.source>17</maven.compiler.source>
    <maven.compiler.target>17</maven.compiler.target>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
  <dependencies>
    <dependency>
      <groupId>com.amazonaws</groupId>
      <artifactId>aws-lambda-java-runtime-interface-client</artifactId>
      <version>2.9.0</version>
    </dependency>
  </dependencies>
</project>
`
const greeter = `package example;
import com.amazonaws.services.lambda.runtime.*;
import java.util.Map;
public class Greeter implements RequestHandler<Map<String, String>, Map<String, Object>> {
  public Map<String, Object> handleRequest(Map<String, String> event, Context context) {
    return Map.of("message", "Hello, " + event.get("name") + "!", "memory", context.getMemoryLimitInMB());
  }
}
`
const client = 'com.amazonaws.services.lambda.runtime.api.client.AWSLambda'
test("AWS's Java client runs as it is, in a Maven project", {
  skip: lacking('linux') || noJdk,
}, async (t) => {
  const folder = folderOf(t, {
    'pom.xml': pom,
    'src/main/java/example/Greeter.java': greeter,
    'ufr.json': JSON.stringify({
      ...{ name: 'f', runtime: 'provided.al2023', command: 'java' },
      args: [client, 'example.Greeter::handleRequest'],
    }),
  })
  const done = await ufr(t, ['run', folder, ...event, '--unikernel', 'linux'])
  if (/Maven .* cannot be had|could not transfer|not be resolved/i.test(done.stderr) && done.status !== 0) {
    t.skip('Maven Central cannot be reached')
    return
  }
  assert.equal(done.status, 0, done.stderr)
  assert.deepEqual(JSON.parse(done.stdout), { message: 'Hello, Ada!', memory: 512 })
})

const other = stored.find(({ version }) => !hosts.some(({ major }) => version.startsWith(`${major}.`)))
const noOther = other ? false : 'no Java in the store that the host does not have'
test('a handler runs on a Java of the store', { skip: lacking('linux') || noOther }, async (t) => {
  const source = path.join(root, 'examples/hello-java/Hello.java')
  const major = other!.version.split('.')[0]
  const folder = folderOf(t, {
    'Hello.java': fs.readFileSync(source),
    'ufr.json': `{ "runtime": "java${major}", "handler": "Hello" }`,
  })
  const { status, stdout, stderr } = await ufr(t, ['run', folder, ...event, '--unikernel', 'linux'])
  assert.equal(status, 0, stderr)
  assert.ok((JSON.parse(stdout) as { java: string }).java.startsWith(`${major}.`), stdout)
})

test('an OSv module that runs Java', { skip: lacking('osv') || noJdk }, async (t) => {
  const folder = folderOf(t, {
    'module.py':
      "from osv.modules import api\napi.require('java-non-isolated')\ndefault = api.run_java(classpath=['/app/app.jar'], args=['Hi', 'Ada'])\n",
    'usr.manifest': '/app/**: ${MODULE_DIR}/ROOTFS/app/**\n',
  })
  const says = 'System.out.println("Hi, " + args[0] + " in " + System.getProperty("user.dir"));'
  place(folder, {
    'Hi.java': `public class Hi { public static void main(String[] args) { ${says} } }`,
    'ROOTFS/app/app.jar': '',
  })
  const jdk = hosts[0] ?? storedJdk(stored[0]!)
  const classes = path.join(folder, 'classes')
  await runJava(jdk, ['-m', jdkTools.javac, '-d', classes, path.join(folder, 'Hi.java')])
  fs.writeFileSync(path.join(folder, 'ROOTFS/app/app.jar'), jarOf(classes))
  const { status, stdout, stderr } = await ufr(t, ['run', folder, '--unikernel', 'osv'])
  assert.equal(status, 0, stderr)
  assert.equal(stdout, 'Hi, Ada in /\n')
})

const major = hosts[0]?.major ?? Number(stored[0]?.version.split('.')[0])
const main = { name: 'app.Main', methods: [mainMethod] }
const noKotlin = noJdk || (fs.existsSync(homePath('kotlin')) ? false : 'no Kotlin compiler in the store')
const bad: [
  what: string,
  skip: string | false,
  files: Record<string, string | Uint8Array>,
  status: number,
  told: RegExp,
][] = [
  [
    'Java sources that do not compile',
    noJdk,
    {
      'Hello.java': 'public class Hello {\n  public String handle(String s) { return x; }\n}\n',
      'ufr.json': '{ "runtime": "java", "handler": "Hello::handle" }',
    },
    4,
    /UFR-BUILD: .*Hello\.java:2: error: cannot find symbol/,
  ],
  [
    'Kotlin sources that do not compile',
    noKotlin,
    { 'Bad.kt': 'fun handle(name: String): String {\n  return nme\n}\n' },
    4,
    /UFR-BUILD: .*Bad\.kt:2:10: error: unresolved reference/,
  ],
  [
    'a class for a newer Java',
    noJdk,
    {
      'a.jar': jar([{ ...main, java: major + 1 }], 'Main-Class: app.Main'),
      'ufr.json': `{ "runtime": "java${major}", "command": "a.jar" }`,
    },
    4,
    new RegExp(
      `UFR-JAVA-VERSION: app\\.Main is compiled for Java ${major + 1}, and is to run on Java ${major}`,
    ),
  ],
  ['a jar without main class', false, { 'a.jar': jar([main]) }, 2, /UFR-DETECT: a\.jar .*\n.*\n.*app\.Main/],
  [
    'half a jar',
    false,
    { 'a.jar': jar([main]).subarray(0, 99) },
    2,
    /UFR-FORMAT: .*a\.jar: not a zip archive/,
  ],
  [
    'a handler that is not there',
    noJdk,
    {
      'app/Main.class': classFile({ ...main, methods: [['handle', '()V']] }),
      'ufr.json': '{ "runtime": "java", "handler": "app.Main::run" }',
    },
    4,
    /UFR-HANDLER: app\.Main has no public method run(?:.|\n)*app\.Main::handle/,
  ],
]
for (const [what, skip, files, expected, told] of bad) {
  test(`${what}: told by name`, { skip }, async (t) => {
    const { status, stderr } = await ufr(t, ['build', folderOf(t, files), '--unikernel', 'linux'])
    assert.equal(status, expected, stderr)
    assert.match(stderr, told)
  })
}

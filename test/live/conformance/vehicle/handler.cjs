// The handler that the conformance suite runs where a kernel has Node.js.
const fs = require('node:fs')
const dependency = require('dependency')
const random = () => require('node:crypto').randomBytes(8).toString('hex')

/** Named by a path into an object, as AWS allows. */
exports.api = {
  look: async (event, context) => {
    if (event.exit !== undefined) {
      console.log(`going now, at random: ${random()}`)
      process.exit(event.exit)
    }
    if (event.wait) {
      console.log('waiting now')
      await new Promise((resolve) => setTimeout(resolve, 600_000))
    }
    console.log('a line on standard output')
    console.error('a line on standard error')
    fs.writeFileSync('/tmp/written', 'x'.repeat(3_000_000))
    return {
      dependency,
      name: context.functionName,
      left: context.getRemainingTimeInMillis(),
      task: process.env.LAMBDA_TASK_ROOT,
      written: fs.statSync('/tmp/written').size,
      random: random(),
      text: event.text,
    }
  },
}

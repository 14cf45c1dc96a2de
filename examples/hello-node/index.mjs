export const handler = async (event, context) => {
  console.log('request', context.awsRequestId)
  return { message: `Hello, ${event.name ?? 'world'}!`, node: process.version }
}

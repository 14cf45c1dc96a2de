const http = require('node:http')

const server = http.createServer((request, response) => {
  console.log(request.method, request.url)
  response.writeHead(200, { 'Content-Type': 'text/plain' })
  response.end('Hello from Node.js on a unikernel!\n')
})

server.listen(8083, () => console.log('listening on port 8083'))

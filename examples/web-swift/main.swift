// A web function in Swift: an HTTP server on plain sockets, one request at a time.
import Glibc

let answer = "Hello from Swift on a unikernel!"
let message = """
  HTTP/1.1 200 OK\r
  Content-Type: text/plain\r
  Content-Length: \(answer.utf8.count)\r
  Connection: close\r
  \r
  \(answer)
  """

func check(_ result: Int32, _ what: String) -> Int32 {
  if result >= 0 { return result }
  perror(what)
  exit(1)
}

/// Reads a request up to the empty line that ends its head.
func readRequest(_ client: Int32) -> Bool {
  let end = Array("\r\n\r\n".utf8)
  var request: [UInt8] = []
  var part = [UInt8](repeating: 0, count: 8192)
  while request.count < 65_536 {
    let count = read(client, &part, part.count)
    if count <= 0 { return false }
    request += part[..<count]
    if request.indices.contains(where: { request[$0...].starts(with: end) }) { return true }
  }
  return false
}

let port = getenv("PORT").flatMap { UInt16(String(cString: $0)) } ?? 8080
let server = check(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0), "socket")
var address = sockaddr_in()
address.sin_family = sa_family_t(AF_INET)
address.sin_port = port.bigEndian
let bound = withUnsafePointer(to: &address) {
  $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
}
_ = check(bound, "bind")
_ = check(listen(server, 128), "listen")
while true {
  let client = check(accept(server, nil, nil), "accept")
  if readRequest(client) {
    _ = message.withCString { write(client, $0, message.utf8.count) }
  }
  close(client)
}

// A client of the Lambda Runtime API on plain sockets, so that this example needs no package.
import Glibc

struct Invocation {
  let id: String
  let event: String
}

struct Failure: Error {
  let reason: String
}

struct RuntimeAPI {
  let host: String
  let port: UInt16

  init() throws {
    let parts = getenv("AWS_LAMBDA_RUNTIME_API").map { String(cString: $0).split(separator: ":") } ?? []
    guard parts.count == 2, let port = UInt16(parts[1]) else {
      throw Failure(reason: "AWS_LAMBDA_RUNTIME_API is not HOST:PORT")
    }
    self.host = String(parts[0])
    self.port = port
  }

  /// Waits for the next event.
  func next() throws -> Invocation {
    let answer = try request("GET", "invocation/next")
    guard let id = answer.headers["lambda-runtime-aws-request-id"] else {
      throw Failure(reason: "the Runtime API gave an event without a request id")
    }
    return Invocation(id: id, event: answer.body)
  }

  func respond(to invocation: Invocation, with json: String) throws {
    _ = try request("POST", "invocation/\(invocation.id)/response", json)
  }

  private func request(_ method: String, _ path: String, _ body: String = "") throws -> Answer {
    let socket = try connected()
    defer { close(socket) }
    let head = "\(method) /2018-06-01/runtime/\(path) HTTP/1.1\r\nHost: \(host):\(port)\r\nConnection: close\r\n"
    let message = Array("\(head)Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8)
    var sent = 0
    while sent < message.count {
      let count = message[sent...].withUnsafeBytes { write(socket, $0.baseAddress, $0.count) }
      if count <= 0 { throw Failure(reason: "write: \(String(cString: strerror(errno)))") }
      sent += count
    }
    return try Answer(received(from: socket))
  }

  private func connected() throws -> Int32 {
    var hints = addrinfo()
    hints.ai_family = AF_INET
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, String(port), &hints, &found) == 0, let address = found else {
      throw Failure(reason: "there is no host \(host)")
    }
    defer { freeaddrinfo(found) }
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0, connect(descriptor, address.pointee.ai_addr, address.pointee.ai_addrlen) == 0 else {
      throw Failure(reason: "\(host):\(port): \(String(cString: strerror(errno)))")
    }
    return descriptor
  }

  private func received(from socket: Int32) -> [UInt8] {
    var all: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 64 * 1024)
    while case let count = read(socket, &part, part.count), count > 0 { all += part[..<count] }
    return all
  }
}

/// An answer of an HTTP server that closes the connection behind it.
struct Answer {
  var headers: [String: String] = [:]
  let body: String

  init(_ bytes: [UInt8]) throws {
    let end = Array("\r\n\r\n".utf8)
    guard let head = bytes.indices.first(where: { bytes[$0...].starts(with: end) }) else {
      throw Failure(reason: "the Runtime API does not answer")
    }
    for line in String(decoding: bytes[..<head], as: UTF8.self).split(separator: "\r\n").dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      headers[line[..<colon].lowercased()] = String(line[line.index(after: colon)...].drop { $0 == " " })
    }
    body = String(decoding: bytes[(head + end.count)...], as: UTF8.self)
  }
}

/// The text that a JSON object has for a key, as it is written there, escapes and all; nil where it has none.
func text(of key: String, in json: String) -> String? {
  let (quote, backslash) = (UInt8(ascii: "\""), UInt8(ascii: "\\"))
  let written = Array("\"\(key)\"".utf8)
  var rest = Array(json.utf8)[...]
  while let start = rest.firstIndex(of: quote) {
    rest = rest[start...]
    if rest.starts(with: written) {
      let value = rest.dropFirst(written.count).drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: ":") }
      guard value.first == quote else { return nil }
      var text: [UInt8] = []
      var escaped = false
      for byte in value.dropFirst() {
        if byte == quote && !escaped { return String(decoding: text, as: UTF8.self) }
        text.append(byte)
        escaped = byte == backslash && !escaped
      }
      return nil
    }
    rest = rest.dropFirst()
  }
  return nil
}

// An AWS Lambda handler in Swift. It asks the Runtime API for an event, answers it, and asks for the next one.

let api = try RuntimeAPI()
while true {
  let invocation = try api.next()
  let name = text(of: "name", in: invocation.event) ?? "World"
  try api.respond(to: invocation, with: #"{"message":"Hello, \#(name)!"}"#)
}

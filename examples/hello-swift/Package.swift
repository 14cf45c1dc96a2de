// swift-tools-version:5.9
import PackageDescription

let package = Package(
  name: "hello-swift",
  targets: [.executableTarget(name: "bootstrap", path: "Sources")]
)

import com.sun.net.httpserver.HttpServer
import java.net.InetSocketAddress

/** A web function: any HTTP server, here the platform's own. */
fun main() {
    val port = System.getenv("PORT")?.toInt() ?: 8080
    val server = HttpServer.create(InetSocketAddress(port), 0)
    server.createContext("/") { exchange ->
        val body = "Hello from Kotlin on a unikernel!\n".toByteArray()
        exchange.sendResponseHeaders(200, body.size.toLong())
        exchange.responseBody.use { it.write(body) }
    }
    server.start()
}

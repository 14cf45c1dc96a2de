package ufr.guest;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The guest's side of a handler: an HTTP server that takes events from the host, one at a time, and calls the handler.
 * What the host expects is said beside the server for Node.js, src/language/node/guest/handler.mts.
 *
 * All of it does without lambdas, regular expressions and string formats: the classes behind those cost more at start
 * than this whole server.
 */
public final class Server {
    /** Where AWS's own runtime interface emulator takes events. */
    private static final String INVOCATION_PATH = "/2015-03-31/functions/function/invocations";
    /** AWS's limit: 6 MiB and 100 bytes. */
    private static final int MAX_RESULT_BYTES = 6 * 1024 * 1024 + 100;
    /** How long a guest stays up after a crash, so that the answer leaves its network stack before it goes down. */
    private static final long LINGER_MS = 100;

    private static Handler handler;
    private static Map<String, Object> initError;

    private Server() {}

    public static void main(String[] args) throws IOException {
        serve(open());
    }

    static ServerSocket open() throws IOException {
        ServerSocket listening = new ServerSocket(Integer.parseInt(variable("UFR_PORT", "8080")), 128);
        load();
        tellReady(listening.getLocalPort());
        return listening;
    }

    static void serve(ServerSocket listening) throws IOException {
        for (;;) {
            Thread thread = new Thread(new Connection(listening.accept()), "ufr-connection");
            thread.setDaemon(true);
            thread.start();
        }
    }

    private static void load() {
        String name = variable("_HANDLER", "");
        try {
            handler = Handler.load(name);
        } catch (Throwable error) {
            initError = Failure.report(error);
            Failure.log(null, "Init Error", initError);
        }
    }

    /** Tells the host on the console that the port takes work (the host's side is link/marks.ts). */
    private static void tellReady(int port) throws IOException {
        byte[] mark = ("\u001b_ufr;ready;" + port + "\u001b\\").getBytes(StandardCharsets.ISO_8859_1);
        System.out.flush();
        new FileOutputStream(FileDescriptor.out).write(mark);
    }

    static String variable(String name, String otherwise) {
        String value = System.getenv(name);
        return value == null || value.isEmpty() ? otherwise : value;
    }

    /** Requests of one connection, one after the other; of several connections, only one invokes at a time. */
    private static final class Connection implements Runnable {
        private final Socket socket;

        Connection(Socket socket) {
            this.socket = socket;
        }

        @Override
        public void run() {
            try (Socket open = socket) {
                open.setTcpNoDelay(true);
                Http http = new Http(open.getInputStream(), open.getOutputStream());
                while (http.readHead()) {
                    if (!answer(http) || !http.keepsAlive()) return;
                }
            } catch (IOException gone) {
                // Whoever asked does not want to know any more.
            }
        }
    }

    /** @return whether the connection is good for another request. */
    private static boolean answer(Http http) throws IOException {
        if (!http.path().equals(INVOCATION_PATH)) {
            refuse(http, 404, "ResourceNotFoundException", "events go to POST " + INVOCATION_PATH);
            return false;
        }
        if (!http.method().equals("POST")) {
            String message = "events come by POST, not by " + http.method();
            refuse(http, 405, "InvalidRequestContentException", message);
            return false;
        }
        byte[] body = http.readBody();
        if (body == null) {
            String message = "the event is larger than " + Http.MAX_BODY_BYTES + " bytes";
            refuse(http, 413, "RequestTooLargeException", message);
            return false;
        }
        synchronized (Server.class) {
            invoke(http, body);
        }
        return true;
    }

    private static void invoke(Http http, byte[] body) throws IOException {
        if (initError != null) {
            sendError(http, initError, "X-Ufr-Init-Error: 1\r\n");
            return;
        }
        LambdaContext context;
        Object event;
        try {
            context = new LambdaContext(http);
            event = handler.takesBytes() ? null : body.length == 0 ? new LinkedHashMap<>() : Json.parse(body);
        } catch (JsonException error) {
            String message = "the event cannot be read as JSON: " + error.getMessage();
            refuse(http, 400, "InvalidRequestContentException", message);
            return;
        }
        String trace = http.header("lambda-runtime-trace-id");
        if (trace != null) System.setProperty("com.amazonaws.xray.traceHeader", trace);
        else System.clearProperty("com.amazonaws.xray.traceHeader");
        byte[] result;
        try {
            result = handler.call(event, body, context);
        } catch (Throwable error) {
            fail(http, context, error);
            return;
        }
        System.out.flush();
        System.err.flush();
        if (result.length <= MAX_RESULT_BYTES) http.send(200, "", result);
        else sendError(http, Failure.tooLarge(result.length, MAX_RESULT_BYTES), "");
    }

    private static void fail(Http http, LambdaContext context, Throwable error) throws IOException {
        Map<String, Object> report = Failure.report(error);
        System.out.flush();
        Failure.log(context.getAwsRequestId(), "Invoke Error", report);
        sendError(http, report, "");
        // As on AWS: nobody knows in what state the machine is.
        if (Failure.cause(error) instanceof VirtualMachineError) end();
    }

    private static void end() {
        try {
            Thread.sleep(LINGER_MS);
        } catch (InterruptedException ignored) {
            Thread.currentThread().interrupt();
        }
        Runtime.getRuntime().halt(1);
    }

    private static void sendError(Http http, Map<String, Object> report, String headers) throws IOException {
        http.send(200, "X-Amz-Function-Error: Unhandled\r\n" + headers, Json.bytes(report));
    }

    /** Answers what never got to the function, in the form of AWS's Invoke API. */
    private static void refuse(Http http, int status, String type, String message) throws IOException {
        Map<String, Object> body = new LinkedHashMap<>();
        body.put("Type", "User");
        body.put("message", message);
        http.sendLast(status, "X-Amzn-ErrorType: " + type + "\r\n", Json.bytes(body));
    }
}

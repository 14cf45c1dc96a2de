package ufr.guest;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * Runs on the host when a runtime is made: serves one event to itself, so that the virtual machine can write down which
 * classes that takes.
 */
public final class Train implements RequestHandler<Train.Event, Map<String, Object>> {
    /** A bean, as most functions have for their events. */
    public static final class Event {
        private String name;
        private long count;

        public String getName() {
            return name;
        }

        public void setName(String name) {
            this.name = name;
        }

        public long getCount() {
            return count;
        }

        public void setCount(long count) {
            this.count = count;
        }
    }

    @Override
    public Map<String, Object> handleRequest(Event event, Context context) {
        context.getLogger().log("training " + context.getAwsRequestId() + " " + context.getRemainingTimeInMillis());
        return Map.of("event", event, "count", event.getCount());
    }

    public static void main(String[] args) throws Exception {
        final ServerSocket listening = Server.open();
        Thread server = new Thread("server") {
            @Override
            public void run() {
                try {
                    Server.serve(listening);
                } catch (IOException closed) {
                    // The training is over.
                }
            }
        };
        server.setDaemon(true);
        server.start();
        byte[] body = "{\"name\":\"Ada\",\"count\":42}".getBytes(StandardCharsets.UTF_8);
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), listening.getLocalPort())) {
            String head = "POST /2015-03-31/functions/function/invocations HTTP/1.1\r\nHost: localhost\r\n"
                    + "Connection: close\r\nUfr-Deadline-In-Ms: 3000\r\nContent-Length: " + body.length + "\r\n\r\n";
            socket.getOutputStream().write(head.getBytes(StandardCharsets.ISO_8859_1));
            socket.getOutputStream().write(body);
            System.out.write(socket.getInputStream().readAllBytes());
            System.out.flush();
        }
        listening.close();
        if (ModuleLayer.boot().findModule("jdk.httpserver").isPresent()) TrainWeb.run();
    }
}

package ufr.guest;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/** HTTP/1.1 as far as the host speaks it with a handler's server: requests with a length or in chunks. */
final class Http {
    /** AWS's limit of 6 MiB is the business of whoever is called by users; this one protects the guest's memory. */
    static final int MAX_BODY_BYTES = 32 * 1024 * 1024;
    private static final int MAX_LINE_BYTES = 64 * 1024;
    private static final int MAX_HEADERS = 256;

    private final InputStream in;
    private final OutputStream out;
    private final byte[] buffer = new byte[16 * 1024];
    private int at;
    private int end;
    private String method = "";
    private String path = "";
    private boolean keepAlive;
    private Map<String, String> headers = new HashMap<>();

    Http(InputStream in, OutputStream out) {
        this.in = in;
        this.out = out;
    }

    /** Reads a request up to its body. @return whether there was one. */
    boolean readHead() throws IOException {
        String line = readLine();
        while (line != null && line.isEmpty()) line = readLine();
        if (line == null) return false;
        int first = line.indexOf(' ');
        int second = line.indexOf(' ', first + 1);
        if (first < 0 || second < 0) throw new IOException("no request line");
        method = line.substring(0, first);
        String target = line.substring(first + 1, second);
        int query = target.indexOf('?');
        path = query < 0 ? target : target.substring(0, query);
        readHeaders();
        String connection = header("connection");
        keepAlive = line.endsWith("/1.1") && !"close".equalsIgnoreCase(connection);
        return true;
    }

    private void readHeaders() throws IOException {
        headers = new HashMap<>();
        for (int i = 0; ; i++) {
            String line = readLine();
            if (line == null) throw new IOException("the request breaks off");
            if (line.isEmpty()) return;
            if (i >= MAX_HEADERS) throw new IOException("too many headers");
            int colon = line.indexOf(':');
            if (colon > 0) headers.put(lowerCase(line.substring(0, colon)), line.substring(colon + 1).trim());
        }
    }

    /** By hand: `toLowerCase` without a locale depends on the machine's, and with one loads more classes. */
    private static String lowerCase(String name) {
        char[] chars = name.toCharArray();
        for (int i = 0; i < chars.length; i++) {
            if (chars[i] >= 'A' && chars[i] <= 'Z') chars[i] += 32;
        }
        return new String(chars);
    }

    /** @return null where the body is too large. */
    byte[] readBody() throws IOException {
        if ("100-continue".equalsIgnoreCase(header("expect"))) {
            out.write("HTTP/1.1 100 Continue\r\n\r\n".getBytes(StandardCharsets.ISO_8859_1));
        }
        if ("chunked".equalsIgnoreCase(header("transfer-encoding"))) return readChunks();
        String text = header("content-length");
        if (text == null) return new byte[0];
        long length = number(text, 10);
        return length > MAX_BODY_BYTES ? null : readExactly((int) length);
    }

    private byte[] readChunks() throws IOException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (;;) {
            String line = readLine();
            if (line == null) throw new IOException("the request breaks off");
            int semicolon = line.indexOf(';');
            long length = number((semicolon < 0 ? line : line.substring(0, semicolon)).trim(), 16);
            if (all.size() + length > MAX_BODY_BYTES) return null;
            if (length == 0) {
                for (String trailer = readLine(); trailer != null && !trailer.isEmpty(); ) trailer = readLine();
                return all.toByteArray();
            }
            byte[] chunk = readExactly((int) length);
            all.write(chunk, 0, chunk.length);
            readLine();
        }
    }

    private static long number(String text, int radix) throws IOException {
        try {
            long value = Long.parseLong(text, radix);
            if (value >= 0) return value;
        } catch (NumberFormatException wrong) {
            // Said below.
        }
        throw new IOException("no length: " + text);
    }

    private byte[] readExactly(int length) throws IOException {
        byte[] bytes = new byte[length];
        int done = Math.min(length, end - at);
        System.arraycopy(buffer, at, bytes, 0, done);
        at += done;
        while (done < length) {
            int n = in.read(bytes, done, length - done);
            if (n < 0) throw new IOException("the request breaks off");
            done += n;
        }
        return bytes;
    }

    /** A line without its end; null where nothing comes any more. */
    private String readLine() throws IOException {
        StringBuilder line = new StringBuilder();
        for (;;) {
            if (at == end) {
                end = in.read(buffer, 0, buffer.length);
                at = 0;
                if (end <= 0) {
                    end = 0;
                    return null;
                }
            }
            char c = (char) (buffer[at++] & 0xff);
            if (c == '\n') {
                int length = line.length();
                if (length > 0 && line.charAt(length - 1) == '\r') line.setLength(length - 1);
                return line.toString();
            }
            if (line.length() >= MAX_LINE_BYTES) throw new IOException("a line is too long");
            line.append(c);
        }
    }

    String method() {
        return method;
    }

    String path() {
        return path;
    }

    boolean keepsAlive() {
        return keepAlive;
    }

    /** @param name in small letters. */
    String header(String name) {
        return headers.get(name);
    }

    /** @param more further header lines, each with its end. */
    void send(int status, String more, byte[] body) throws IOException {
        String reason = status == 200 ? "OK" : "Refused";
        String connection = keepAlive ? "" : "Connection: close\r\n";
        String head = "HTTP/1.1 " + status + " " + reason + "\r\nContent-Type: application/json\r\nContent-Length: "
                + body.length + "\r\n" + connection + more + "\r\n";
        byte[] start = head.getBytes(StandardCharsets.ISO_8859_1);
        byte[] all = new byte[start.length + body.length];
        System.arraycopy(start, 0, all, 0, start.length);
        System.arraycopy(body, 0, all, start.length, body.length);
        out.write(all);
        out.flush();
    }

    /** Sends an answer after which the connection is closed: the rest of the request has not been read. */
    void sendLast(int status, String more, byte[] body) throws IOException {
        keepAlive = false;
        send(status, more, body);
    }
}

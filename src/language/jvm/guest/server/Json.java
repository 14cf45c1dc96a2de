package ufr.guest;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads JSON (RFC 8259) into plain values: LinkedHashMap, ArrayList, String, Boolean, null, and for numbers Integer,
 * Long, BigInteger, or Double, as AWS's runtime does. What writes is `JsonWriter`.
 */
final class Json {
    private static final int MAX_DEPTH = 1000;

    private final String text;
    private int at;
    private int depth;

    private Json(String text) {
        this.text = text;
    }

    static Object parse(byte[] bytes) {
        String text;
        try {
            text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException wrong) {
            throw new JsonException("it is not encoded in UTF-8");
        }
        Json json = new Json(text);
        Object value = json.value();
        json.skipBlanks();
        if (json.at < text.length()) throw json.wrong("something after its end");
        return value;
    }

    /** The bytes of a value, as the function's answer. */
    static byte[] bytes(Object value) {
        return new JsonWriter().write(value).toString().getBytes(StandardCharsets.UTF_8);
    }

    private Object value() {
        skipBlanks();
        if (at >= text.length()) throw wrong("its end");
        char c = text.charAt(at);
        switch (c) {
            case '{':
                return object();
            case '[':
                return array();
            case '"':
                return string();
            case 't':
                return word("true", Boolean.TRUE);
            case 'f':
                return word("false", Boolean.FALSE);
            case 'n':
                return word("null", null);
            default:
                return number();
        }
    }

    private Object word(String word, Object value) {
        if (!text.startsWith(word, at)) throw wrong("no value");
        at += word.length();
        return value;
    }

    private Map<String, Object> object() {
        enter();
        Map<String, Object> map = new LinkedHashMap<>();
        if (take('}')) return leave(map);
        do {
            skipBlanks();
            if (at >= text.length() || text.charAt(at) != '"') throw wrong("no name of a member");
            String key = string();
            if (!take(':')) throw wrong("no colon");
            map.put(key, value());
        } while (take(','));
        if (!take('}')) throw wrong("neither a comma nor the end of an object");
        return leave(map);
    }

    private List<Object> array() {
        enter();
        List<Object> list = new ArrayList<>();
        if (take(']')) return leave(list);
        do {
            list.add(value());
        } while (take(','));
        if (!take(']')) throw wrong("neither a comma nor the end of an array");
        return leave(list);
    }

    private void enter() {
        at++;
        if (++depth > MAX_DEPTH) throw wrong("more than " + MAX_DEPTH + " levels");
    }

    private <T> T leave(T value) {
        depth--;
        return value;
    }

    private boolean take(char wanted) {
        skipBlanks();
        if (at >= text.length() || text.charAt(at) != wanted) return false;
        at++;
        return true;
    }

    private void skipBlanks() {
        while (at < text.length()) {
            char c = text.charAt(at);
            if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return;
            at++;
        }
    }

    private String string() {
        int start = ++at;
        while (at < text.length()) {
            char c = text.charAt(at);
            if (c == '"') return text.substring(start, at++);
            if (c == '\\') return escapedString(start);
            if (c < ' ') throw wrong("a control character in a string");
            at++;
        }
        throw wrong("its end within a string");
    }

    private String escapedString(int start) {
        StringBuilder result = new StringBuilder(text.substring(start, at));
        while (at < text.length()) {
            char c = text.charAt(at++);
            if (c == '"') return result.toString();
            if (c < ' ') throw wrong("a control character in a string");
            result.append(c == '\\' ? escape() : c);
        }
        throw wrong("its end within a string");
    }

    private char escape() {
        if (at >= text.length()) throw wrong("its end within a string");
        char c = text.charAt(at++);
        switch (c) {
            case '"':
            case '\\':
            case '/':
                return c;
            case 'b':
                return '\b';
            case 'f':
                return '\f';
            case 'n':
                return '\n';
            case 'r':
                return '\r';
            case 't':
                return '\t';
            case 'u':
                return unicode();
            default:
                throw wrong("an unknown escape in a string");
        }
    }

    private char unicode() {
        int code = 0;
        for (int i = 0; i < 4; i++) {
            int digit = at < text.length() ? Character.digit(text.charAt(at++), 16) : -1;
            if (digit < 0) throw wrong("a wrong \\u escape");
            code = code * 16 + digit;
        }
        return (char) code;
    }

    private Number number() {
        int start = at;
        if (at < text.length() && text.charAt(at) == '-') at++;
        int first = at;
        int digits = digits();
        if (digits == 0 || (digits > 1 && text.charAt(first) == '0')) {
            at = start;
            throw wrong("no value");
        }
        boolean whole = true;
        if (at < text.length() && text.charAt(at) == '.') {
            whole = false;
            at++;
            if (digits() == 0) throw wrong("no digit after the point");
        }
        if (at < text.length() && (text.charAt(at) == 'e' || text.charAt(at) == 'E')) {
            whole = false;
            at++;
            if (at < text.length() && (text.charAt(at) == '+' || text.charAt(at) == '-')) at++;
            if (digits() == 0) throw wrong("no digit in the exponent");
        }
        String number = text.substring(start, at);
        if (!whole) return Double.valueOf(number);
        if (number.length() > 18) return large(number);
        long value = Long.parseLong(number);
        if (value == (int) value) return (int) value;
        return value;
    }

    private static Number large(String number) {

        // Reading a number of a million digits takes seconds: nobody means one.
        if (number.length() > 1000) return Double.valueOf(number);
        BigInteger value = new BigInteger(number);
        if (value.bitLength() < 64) return value.longValue();
        return value;
    }

    private int digits() {
        int start = at;
        while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') at++;
        return at - start;
    }

    private JsonException wrong(String what) {
        int line = 1;
        int column = 1;
        for (int i = 0; i < Math.min(at, text.length()); i++) {
            if (text.charAt(i) == '\n') {
                line++;
                column = 1;
            } else column++;
        }
        return new JsonException(what + " at line " + line + ", column " + column);
    }
}

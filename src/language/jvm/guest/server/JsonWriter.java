package ufr.guest;

import java.lang.reflect.Array;
import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.Collection;
import java.util.Date;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Writes JSON: plain values as they are, everything else by its properties (see `Properties`). */
final class JsonWriter {
    private static final int MAX_DEPTH = 500;
    private static final char[] DIGITS = "0123456789abcdef".toCharArray();

    private final StringBuilder out = new StringBuilder(256);
    private int depth;

    @Override
    public String toString() {
        return out.toString();
    }

    JsonWriter write(Object value) {
        if (value == null) out.append("null");
        else if (value instanceof CharSequence || value instanceof Character) string(value.toString());
        else if (value instanceof Boolean) out.append(value);
        else if (value instanceof Number) number((Number) value);
        else if (value instanceof Enum) string(((Enum<?>) value).name());
        else if (value instanceof char[]) string(new String((char[]) value));
        else if (value instanceof byte[]) string(Base64.getEncoder().encodeToString((byte[]) value));
        else nested(value);
        return this;
    }

    private void nested(Object value) {
        if (++depth > MAX_DEPTH) throw new JsonException("it has more than " + MAX_DEPTH + " levels: does it hold itself?");
        if (value instanceof Map) map((Map<?, ?>) value);
        else if (value instanceof Collection) list(((Collection<?>) value).iterator());
        else if (value.getClass().isArray()) array(value);
        else if (value instanceof Optional) write(((Optional<?>) value).orElse(null));
        else if (value instanceof Date) write(((Date) value).getTime());
        else if (value instanceof Map.Entry) map(java.util.Collections.singletonMap(((Map.Entry<?, ?>) value).getKey(), ((Map.Entry<?, ?>) value).getValue()));
        else if (value instanceof ByteBuffer) bytes((ByteBuffer) value);
        else if (value.getClass().getName().startsWith("java.time.")) Times.write(value, this);
        else if (isText(value.getClass())) string(Texts.of(value));
        else if (value instanceof Iterable && !isBean(value)) list(((Iterable<?>) value).iterator());
        else properties(value);
        depth--;
    }

    private static boolean isBean(Object value) {
        return !Properties.of(value.getClass()).isEmpty();
    }

    /** Classes of the platform, and those of Joda-Time, are written as they print themselves: UUIDs, URIs, … */
    private static boolean isText(Class<?> type) {
        String name = type.getName();
        return name.startsWith("java.") || name.startsWith("sun.") || name.startsWith("org.joda.time.") || name.startsWith("kotlin.time.");
    }

    private void map(Map<?, ?> map) {
        out.append('{');
        boolean first = true;
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            // As AWS's runtime has it: what is null is left out, but of lists.
            if (entry.getValue() == null) continue;
            if (!first) out.append(',');
            first = false;
            Object key = entry.getKey();
            string(key instanceof Enum ? ((Enum<?>) key).name() : String.valueOf(key));
            out.append(':');
            write(entry.getValue());
        }
        out.append('}');
    }

    private void list(Iterator<?> items) {
        out.append('[');
        boolean first = true;
        while (items.hasNext()) {
            if (!first) out.append(',');
            first = false;
            write(items.next());
        }
        out.append(']');
    }

    private void array(Object array) {
        out.append('[');
        int length = Array.getLength(array);
        for (int i = 0; i < length; i++) {
            if (i > 0) out.append(',');
            write(Array.get(array, i));
        }
        out.append(']');
    }

    private void properties(Object bean) {
        List<Properties.Property> properties = Properties.of(bean.getClass());
        out.append('{');
        boolean first = true;
        for (Properties.Property property : properties) {
            Object value = property.get(bean);
            if (value == null) continue;
            if (!first) out.append(',');
            first = false;
            string(property.name());
            out.append(':');
            write(value);
        }
        out.append('}');
    }

    private void bytes(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        string(Base64.getEncoder().encodeToString(bytes));
    }

    /** What is JSON already. */
    void raw(String json) {
        out.append(json);
    }

    private void number(Number value) {
        if (value instanceof Double || value instanceof Float) {
            double d = value.doubleValue();
            // JSON has no such numbers; AWS's runtime writes them as strings.
            if (Double.isNaN(d) || Double.isInfinite(d)) {
                string(value.toString());
                return;
            }
        }
        out.append(value);
    }

    private void string(String text) {
        out.append('"');
        int length = text.length();
        for (int i = 0; i < length; i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') out.append('\\').append(c);
            else if (c >= ' ' && !isLone(text, i, c)) out.append(c);
            else if (c == '\n') out.append("\\n");
            else if (c == '\r') out.append("\\r");
            else if (c == '\t') out.append("\\t");
            else unicode(c);
        }
        out.append('"');
    }

    /** Half a surrogate pair has no form in UTF-8, but as an escape it has one. */
    private static boolean isLone(String text, int i, char c) {
        if (c < '\ud800' || c > '\udfff') return false;
        if (c < '\udc00') return i + 1 >= text.length() || !Character.isLowSurrogate(text.charAt(i + 1));
        return i == 0 || !Character.isHighSurrogate(text.charAt(i - 1));
    }

    private void unicode(char c) {
        out.append("\\u").append(DIGITS[c >> 12]).append(DIGITS[(c >> 8) & 15]).append(DIGITS[(c >> 4) & 15])
                .append(DIGITS[c & 15]);
    }
}

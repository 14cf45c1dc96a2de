package cases;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.UUID;

/** Functions in the forms that AWS documents, for the tests of the guest's side. */
public class Cases {
    public enum Colour { RED, GREEN }

    /** A bean with getters and setters, as AWS's documentation has it. */
    public static class Order {
        private String id;
        private int count;
        private boolean paid;
        private Colour colour;
        private List<Item> items = new ArrayList<>();
        private Map<String, Long> totals;
        public Double weight;
        protected String hidden = "hidden";

        public String getId() { return id; }
        public void setId(String id) { this.id = id; }
        public int getCount() { return count; }
        public void setCount(int count) { this.count = count; }
        public boolean isPaid() { return paid; }
        public void setPaid(boolean paid) { this.paid = paid; }
        public Colour getColour() { return colour; }
        public void setColour(Colour colour) { this.colour = colour; }
        public List<Item> getItems() { return items; }
        public void setItems(List<Item> items) { this.items = items; }
        public Map<String, Long> getTotals() { return totals; }
        public void setTotals(Map<String, Long> totals) { this.totals = totals; }
    }

    public record Item(String name, BigDecimal price, int[] sizes, Optional<String> note) {}

    public record Pair<A, B>(A first, List<B> second) {}

    public record Times(Instant at, Duration lasts, UUID id, URI uri, BigInteger large, char letter, byte[] bytes) {}

    public static class Node<T> {
        public T value;
        public Node<T> next;
    }

    /** What the event's parts have become: so the test sees types and not only what JSON makes of them. */
    public static String classes(List<Object> values) {
        StringBuilder names = new StringBuilder();
        for (Object each : values) names.append(each == null ? "null" : each.getClass().getSimpleName()).append(' ');
        return names.toString().trim();
    }

    public static Object echo(Object event) { return event; }
    public static Order order(Order order) { return order; }
    public Item item(Item item) { return item; }
    public static Pair<Item, Map<Colour, Integer>> pair(Pair<Item, Map<Colour, Integer>> pair) {
        // A field of another class than the signature says would show here.
        for (Map<Colour, Integer> each : pair.second()) for (Map.Entry<Colour, Integer> entry : each.entrySet()) {
            entry.getKey().name();
            entry.getValue().intValue();
        }
        return pair;
    }
    public static Times times(Times times) { return times; }
    public static long length(String text) { return text.length(); }
    public static int add(int[] numbers) {
        int sum = 0;
        for (int each : numbers) sum += each;
        return sum;
    }
    public static String sets(Map<Integer, Set<Long>> sets) {
        long sum = 0;
        for (Map.Entry<Integer, Set<Long>> each : sets.entrySet()) for (Long one : each.getValue()) sum += each.getKey() * one;
        return sets.values().iterator().next().getClass().getSimpleName() + " " + sum;
    }
    public static SortedMap<String, Item[]> sorted(SortedMap<String, Item[]> items) { return items; }
    public static long chain(Node<Long> node) { return node == null ? 0 : node.value + chain(node.next); }
    public static boolean flag(boolean flag) { return !flag; }
    public static Object nothing() { return null; }
    public static void silent(Object event) {}
    public static String onlyContext(Context context) { return context.getClass().getSimpleName(); }
    public static int overloaded(Map<String, Object> event) { return 1; }
    public static int overloaded(Map<String, Object> event, Context context) { return 2; }
    public static void streams(InputStream in, OutputStream out, Context context) throws IOException {
        out.write("[".getBytes(StandardCharsets.UTF_8));
        in.transferTo(out);
        out.write("]".getBytes(StandardCharsets.UTF_8));
    }
    public static int tooMany(String a, String b, String c) { return 3; }

    public static Object oddities(Object event) {
        Map<Object, Object> map = new LinkedHashMap<>();
        map.put("nan", Double.NaN);
        map.put("infinite", Float.NEGATIVE_INFINITY);
        map.put("date", new Date(1234));
        map.put("optional", Optional.of(List.of(1)));
        map.put("chars", new char[] {'a', '"'});
        map.put("lone", "\ud800x\udc00");
        map.put("control", "\u0000\u001f\u007f\u2028");
        map.put(Colour.RED, Optional.empty());
        map.put(7, new EnumMap<>(Map.of(Colour.GREEN, new TreeMap<>(Map.of("b", 1, "a", 2)))));
        map.put("hidden", new Hidden());
        map.put("colour", Constant.ONE);
        return map;
    }

    /** Not public, as many classes of functions are. */
    static class Hidden {
        private final String own = "x";
        private int url;
        public String getOwn() { return own; }
        public int getURL() { return url; }
        public int getxAxis() { return 3; }
        public String getNothing() { return null; }
        public boolean isOk() { return true; }
        public String get() { return "no property"; }
        public String getWith(int parameter) { return "no property"; }
    }

    /** Constants with bodies are classes of their own. */
    enum Constant {
        ONE {
            @Override
            int number() { return 1; }
        };

        abstract int number();
    }

    public static Object endless(Object event) {
        List<Object> list = new ArrayList<>();
        list.add(list);
        return list;
    }

    public static String large(int length) { return "x".repeat(length); }

    public static class NotFound extends Exception {
        public NotFound(String message, Throwable cause) { super(message, cause); }
    }

    public static Object fails(String what) throws Exception {
        if (what.equals("io")) throw new IOException("the disk is gone");
        if (what.equals("evil")) throw new RuntimeException() {
            @Override
            public String getMessage() { throw new IllegalStateException(); }
        };
        try {
            return Integer.parseInt(what);
        } catch (NumberFormatException cause) {
            throw new NotFound("no " + what, cause);
        }
    }

    public static Object exhausts(Object event) {
        List<byte[]> all = new ArrayList<>();
        for (;;) all.add(new byte[1 << 20]);
    }

    public static Object exits(int status) {
        System.exit(status);
        return null;
    }

    public static Object looks(Object event, Context context) {
        context.getLogger().log("logged " + context.getAwsRequestId());
        System.err.println("to stderr");
        Map<String, Object> seen = new LinkedHashMap<>();
        seen.put("event", event);
        seen.put("id", context.getAwsRequestId());
        seen.put("name", context.getFunctionName());
        seen.put("version", context.getFunctionVersion());
        seen.put("arn", context.getInvokedFunctionArn());
        seen.put("memory", context.getMemoryLimitInMB());
        seen.put("group", context.getLogGroupName());
        seen.put("stream", context.getLogStreamName());
        seen.put("left", context.getRemainingTimeInMillis());
        seen.put("user", context.getIdentity() == null ? null : context.getIdentity().getIdentityId());
        seen.put("custom", context.getClientContext() == null ? null : context.getClientContext().getCustom());
        seen.put("app", context.getClientContext() == null ? null : context.getClientContext().getClient().getAppTitle());
        seen.put("trace", System.getProperty("com.amazonaws.xray.traceHeader"));
        return seen;
    }

    /** Through a class between: what the type variables stand for is said two levels up. */
    abstract static class Base<E, R> implements RequestHandler<Pair<E, Long>, R> {}

    public static class Derived extends Base<Item, String> {
        @Override
        public String handleRequest(Pair<Item, Long> pair, Context context) {
            long sum = 0;
            for (Long each : pair.second()) sum += each;
            return pair.first().name() + " " + sum;
        }
    }

    public static class Streams implements RequestStreamHandler {
        @Override
        public void handleRequest(InputStream in, OutputStream out, Context context) throws IOException {
            byte[] bytes = in.readAllBytes();
            if (bytes.length == 0) throw new IOException("no event");
            for (int i = bytes.length - 1; i >= 0; i--) out.write(bytes[i]);
        }
    }

    public static class Broken {
        static final Object NOTHING = Integer.valueOf("x");
        public static Object handle(Object event) { return event; }
    }

    public static class NeedsMore implements RequestHandler<Object, Object> {
        public NeedsMore(String more) {}
        @Override
        public Object handleRequest(Object event, Context context) { return event; }
    }

    public static class Plain {
        public Object handle(Object event) { return event; }
        Object hidden(Object event) { return event; }
    }

    public abstract static class Shape {
        public String name;
    }

    public static String shape(Shape shape) { return shape.name; }

    /** Neither a constructor without parameters nor names of its parameters, unless the compiler wrote them down. */
    public static class Nested {
        public Inner inner;
        public static class Inner {
            public int number;
        }
    }

    /** As AWS's events are: a constructor that does not say what is what, names of their own, setters for several types. */
    public static class Notice {
        private final String eventName;
        private Date at;
        private String detailType;
        private List<Integer> records;
        public Notice(String a, String b) {
            throw new IllegalStateException();
        }
        public void setAt(String at) { this.at = Date.from(Instant.parse(at)); }
        public void setAt(Date at) { this.at = at; }
        public void setRecords(List<Integer> records) { this.records = records; }
        public String toString() { return eventName + " " + (at == null ? null : at.getTime()) + " " + detailType + " " + records; }
    }

    public static String notice(Notice notice) { return String.valueOf(notice); }

    public static class Loose {
        public Integer number;
        public boolean flag;
        public char letter;
        public Colour colour;
        public Date date;
        public String text;
        public List<String> list;
        public int[] array;
        public char[] chars;
        public Instant instant;
        public Duration lasts;
        public double ratio;
        public java.nio.ByteBuffer buffer;
        public Loose loose;
    }

    public static Loose loose(Loose loose) { return loose; }

    public static Object platform(Object event) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("instant", Instant.ofEpochSecond(1, 500_000_000));
        map.put("zero", Instant.EPOCH);
        map.put("lasts", Duration.ofMillis(-1500));
        map.put("offset", java.time.OffsetDateTime.parse("1970-01-01T01:00:00+01:00"));
        map.put("day", java.time.LocalDate.of(2020, 1, 2));
        map.put("time", java.time.LocalTime.of(1, 2));
        map.put("both", java.time.LocalDateTime.of(2020, 1, 2, 3, 4, 5, 6));
        map.put("month", java.time.YearMonth.of(2020, 1));
        map.put("zone", java.time.ZoneId.of("Europe/Berlin"));
        map.put("entry", Map.entry("a", 1));
        map.put("buffer", java.nio.ByteBuffer.wrap(new byte[] {1, 2}));
        map.put("chars", new char[] {'a', '"'});
        map.put("class", String.class);
        map.put("path", java.nio.file.Path.of("/x"));
        map.put("uuid", new UUID(1, 2));
        map.put("null", null);
        map.put("list", java.util.Arrays.asList(1, null));
        return map;
    }

    public static int nested(Nested nested) { return nested.inner.number; }
}

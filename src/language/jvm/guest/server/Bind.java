package ufr.guest;

import java.lang.reflect.Array;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.TypeVariable;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.Collections;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Makes what a handler's parameter wants of plain JSON values: numbers, texts, collections, records, beans. */
final class Bind {
    private static final Map<TypeVariable<?>, Type> NONE = new HashMap<>();

    private Bind() {}

    /** @throws IllegalArgumentException that names the place in the event that does not fit. */
    static Object to(Object value, Type type) throws ReflectiveOperationException {
        return bind(value, type, NONE, "");
    }

    static Object bind(Object value, Type declared, Map<TypeVariable<?>, Type> known, String path)
            throws ReflectiveOperationException {
        Type type = Types.resolved(declared, known);
        Class<?> raw = Types.raw(type);
        if (raw == Object.class) return value;
        if (raw == Optional.class) return Optional.ofNullable(value == null ? null : bind(value, Types.argument(type, Optional.class, 0, known), known, path));
        Object single = single(value, raw);
        if (single == null) {
            if (raw.isPrimitive()) return Array.get(Array.newInstance(raw, 1), 0);
            return null;
        }
        if (single != value) return bind(single, type, known, path);
        if (raw.isPrimitive() || Number.class.isAssignableFrom(raw) || raw == Boolean.class || raw == Character.class) {
            return scalar(value, raw, path);
        }
        if (raw.isInstance(value) && (value instanceof String || raw == CharSequence.class)) return value;
        if (raw == String.class) {
            if (value instanceof Map || value instanceof List) throw misfit(value, raw, path);
            return value.toString();
        }
        if (raw.isArray()) return array(value, type, raw, known, path);
        if (Map.class.isAssignableFrom(raw)) return map(value, type, raw, known, path);
        if (holdsItems(raw)) return collection(value, type, raw, known, path);
        if (raw.isEnum() && !(value instanceof Map)) return constant(value, raw);
        if (value instanceof Map) return Beans.make((Map<?, ?>) value, type, raw, known, path);
        return scalar(value, raw, path);
    }

    private static boolean holdsItems(Class<?> raw) {
        return raw.isArray() || raw == Iterable.class || Collection.class.isAssignableFrom(raw);
    }

    /**
     * As AWS's runtime has Jackson do it: an empty text or list is nothing where something else is wanted, and a list of
     * one thing is that thing.
     */
    private static Object single(Object value, Class<?> raw) {
        if (value instanceof List && !holdsItems(raw)) {
            List<?> list = (List<?>) value;
            return list.isEmpty() ? null : list.size() == 1 ? list.get(0) : value;
        }
        return "".equals(value) && !raw.isInstance(value) && !raw.isArray() ? null : value;
    }

    private static Object scalar(Object value, Class<?> raw, String path) {
        try {
            Object found = value instanceof Number ? fromNumber((Number) value, raw)
                    : value instanceof Boolean ? fromBoolean((Boolean) value, raw)
                    : value instanceof String ? fromText((String) value, raw) : null;
            if (found != null) return found;
        } catch (IllegalArgumentException | ArithmeticException | ReflectiveOperationException wrong) {
            throw misfit(value, raw, path);
        }
        throw misfit(value, raw, path);
    }

    private static Object fromBoolean(Boolean value, Class<?> raw) {
        return raw == boolean.class || raw == Boolean.class ? value : null;
    }

    private static Object fromNumber(Number value, Class<?> raw) {
        if (raw == boolean.class || raw == Boolean.class) return value.doubleValue() != 0;
        if (raw == char.class || raw == Character.class) return (char) value.intValue();
        if (raw == double.class || raw == Double.class || raw == Number.class && value instanceof Double) return value.doubleValue();
        if (raw == float.class || raw == Float.class) return value.floatValue();
        if (raw == Number.class) return value;
        if (raw == Date.class) return new Date(value.longValue());
        BigDecimal exact = new BigDecimal(value.toString());
        if (raw == Instant.class || raw == Duration.class) return seconds(exact, raw);
        if (raw == BigDecimal.class) return exact;
        if (raw == BigInteger.class) return exact.toBigIntegerExact();
        // As Jackson does by default: a fraction is cut off where a whole number is wanted.
        BigDecimal whole = exact.setScale(0, java.math.RoundingMode.DOWN);
        if (raw == int.class || raw == Integer.class) return whole.intValueExact();
        if (raw == long.class || raw == Long.class) return whole.longValueExact();
        if (raw == short.class || raw == Short.class) return whole.shortValueExact();
        if (raw == byte.class || raw == Byte.class) return whole.byteValueExact();
        return null;
    }

    private static Object seconds(BigDecimal seconds, Class<?> raw) {
        long whole = seconds.setScale(0, java.math.RoundingMode.FLOOR).longValueExact();
        long nanos = seconds.subtract(BigDecimal.valueOf(whole)).movePointRight(9).longValue();
        return raw == Instant.class ? Instant.ofEpochSecond(whole, nanos) : Duration.ofSeconds(whole, nanos);
    }

    private static Object fromText(String text, Class<?> raw) throws ReflectiveOperationException {
        if (raw == char.class || raw == Character.class) return text.length() == 1 ? text.charAt(0) : null;
        if (raw == boolean.class || raw == Boolean.class) {
            return text.equalsIgnoreCase("true") ? Boolean.TRUE : text.equalsIgnoreCase("false") ? Boolean.FALSE : null;
        }
        if (raw == double.class || raw == Double.class) return Double.valueOf(text);
        if (raw == float.class || raw == Float.class) return Float.valueOf(text);
        if (raw == BigDecimal.class) return new BigDecimal(text.trim());
        if (raw.isPrimitive() || Number.class.isAssignableFrom(raw)) return fromNumber(new BigInteger(text.trim()), raw);
        if (raw == Date.class) return date(text);
        if (raw == ByteBuffer.class) return ByteBuffer.wrap(Base64.getDecoder().decode(text));
        return madeOf(text, raw);
    }

    private static Date date(String text) {
        try {
            return Date.from(OffsetDateTime.parse(text).toInstant());
        } catch (DateTimeException another) {
            return Date.from(LocalDate.parse(text).atStartOfDay(ZoneOffset.UTC).toInstant());
        }
    }

    /** A name that an enum does not have is nothing, as AWS's runtime has it. */
    private static Object constant(Object value, Class<?> raw) {
        Object[] all = raw.getEnumConstants();
        if (value instanceof Integer) return (int) value >= 0 && (int) value < all.length ? all[(int) value] : null;
        for (Object each : all) if (((Enum<?>) each).name().equals(value)) return each;
        return null;
    }

    /** By what classes of texts have in common: Instant.parse, UUID.fromString, URI.create, …, or a constructor. */
    private static Object madeOf(String text, Class<?> raw) throws ReflectiveOperationException {
        for (String name : new String[] {"parse", "fromString", "valueOf", "create", "of"}) {
            for (Class<?> parameter : new Class<?>[] {CharSequence.class, String.class}) {
                try {
                    Method method = raw.getMethod(name, parameter);
                    if (!Modifier.isStatic(method.getModifiers()) || !raw.isAssignableFrom(method.getReturnType())) continue;
                    return method.invoke(null, text);
                } catch (NoSuchMethodException next) {
                    // Another one may be there.
                }
            }
        }
        if (Modifier.isAbstract(raw.getModifiers())) return null;
        return raw.getConstructor(String.class).newInstance(text);
    }

    private static Object array(Object value, Type type, Class<?> raw, Map<TypeVariable<?>, Type> known, String path)
            throws ReflectiveOperationException {
        Class<?> item = raw.getComponentType();
        if (item == byte.class && value instanceof String) return Base64.getDecoder().decode((String) value);
        if (item == char.class && value instanceof String) return ((String) value).toCharArray();
        List<?> list = items(value);
        Type itemType = type instanceof GenericArrayType ? ((GenericArrayType) type).getGenericComponentType() : item;
        Object array = Array.newInstance(item, list.size());
        for (int i = 0; i < list.size(); i++) Array.set(array, i, bind(list.get(i), itemType, known, path + "[" + i + "]"));
        return array;
    }

    private static Object map(Object value, Type type, Class<?> raw, Map<TypeVariable<?>, Type> known, String path)
            throws ReflectiveOperationException {
        if (!(value instanceof Map)) throw misfit(value, raw, path);
        Type keys = Types.argument(type, Map.class, 0, known);
        Type values = Types.argument(type, Map.class, 1, known);
        boolean plain = values == Object.class && (keys == String.class || keys == Object.class);
        if (plain && raw.isInstance(value)) return value;
        Map<Object, Object> map = make(raw, new LinkedHashMap<>());
        for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
            String inside = joined(path, (String) entry.getKey());
            Object key = keys == Object.class ? entry.getKey() : bind(entry.getKey(), keys, known, inside);
            map.put(key, bind(entry.getValue(), values, known, inside));
        }
        return map;
    }

    private static Object collection(Object value, Type type, Class<?> raw, Map<TypeVariable<?>, Type> known, String path)
            throws ReflectiveOperationException {
        Type items = Types.argument(type, Iterable.class, 0, known);
        List<?> list = items(value);
        if (items == Object.class && raw.isInstance(value)) return value;
        Collection<Object> made = raw.isAssignableFrom(ArrayList.class) ? new ArrayList<>()
                : raw.isAssignableFrom(LinkedHashSet.class) ? new LinkedHashSet<>() : make(raw, null);
        for (int i = 0; i < list.size(); i++) made.add(bind(list.get(i), items, known, path + "[" + i + "]"));
        return made;
    }

    /** What is no list is one of a single item. */
    private static List<?> items(Object value) {
        return value instanceof List ? (List<?>) value : Collections.singletonList(value);
    }

    @SuppressWarnings("unchecked")
    private static <T> T make(Class<?> raw, T usual) throws ReflectiveOperationException {
        if (usual != null && raw.isInstance(usual)) return usual;
        return (T) (raw == java.util.SortedMap.class ? new java.util.TreeMap<>()
                : raw == java.util.SortedSet.class ? new java.util.TreeSet<>() : raw.getConstructor().newInstance());
    }

    static String joined(String path, String name) {
        return path.isEmpty() ? name : path + "." + name;
    }

    static IllegalArgumentException misfit(Object value, Class<?> raw, String path) {
        String what = value instanceof Map ? "an object" : value instanceof List ? "an array" : new JsonWriter().write(value).toString();
        if (what.length() > 60) what = what.substring(0, 57) + "...";
        String where = path.isEmpty() ? "the event" : "the event's " + path;
        return new IllegalArgumentException(where + " is " + what + ", which does not fit " + raw.getName());
    }
}

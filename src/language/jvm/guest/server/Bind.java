package ufr.guest;

import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.TypeVariable;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
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
        if (raw == Optional.class) return Optional.ofNullable(value == null ? null : bind(value, Types.resolved(Types.argument(type, Optional.class, 0), known), known, path));
        if (value == null) {
            if (raw.isPrimitive()) return Array.get(Array.newInstance(raw, 1), 0);
            return null;
        }
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
        if (raw == Iterable.class || Collection.class.isAssignableFrom(raw)) return collection(value, type, raw, known, path);
        if (value instanceof Map) return Beans.make((Map<?, ?>) value, type, raw, known, path);
        return scalar(value, raw, path);
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
        if (raw == double.class || raw == Double.class || raw == Number.class && value instanceof Double) return value.doubleValue();
        if (raw == float.class || raw == Float.class) return value.floatValue();
        if (raw == Number.class) return value;
        if (raw == Date.class) return new Date(value.longValue());
        if (raw == Instant.class) return Instant.ofEpochMilli((long) (value.doubleValue() * 1000));
        BigDecimal exact = new BigDecimal(value.toString());
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

    private static Object fromText(String text, Class<?> raw) throws ReflectiveOperationException {
        if (raw == char.class || raw == Character.class) return text.length() == 1 ? text.charAt(0) : null;
        if (raw == boolean.class || raw == Boolean.class) {
            return text.equals("true") ? Boolean.TRUE : text.equals("false") ? Boolean.FALSE : null;
        }
        if (raw.isPrimitive() || Number.class.isAssignableFrom(raw)) return fromNumber(new BigDecimal(text.trim()), raw);
        if (raw.isEnum()) return constant(text, raw);
        if (raw == Date.class) return Date.from(Instant.parse(text));
        return madeOf(text, raw);
    }

    private static Object constant(String text, Class<?> raw) {
        for (Object each : raw.getEnumConstants()) if (((Enum<?>) each).name().equals(text)) return each;
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
        if (!(value instanceof List)) throw misfit(value, raw, path);
        List<?> list = (List<?>) value;
        Type itemType = type instanceof GenericArrayType ? ((GenericArrayType) type).getGenericComponentType() : item;
        Object array = Array.newInstance(item, list.size());
        for (int i = 0; i < list.size(); i++) Array.set(array, i, bind(list.get(i), itemType, known, path + "[" + i + "]"));
        return array;
    }

    private static Object map(Object value, Type type, Class<?> raw, Map<TypeVariable<?>, Type> known, String path)
            throws ReflectiveOperationException {
        if (!(value instanceof Map)) throw misfit(value, raw, path);
        Type keys = Types.resolved(Types.argument(type, Map.class, 0), known);
        Type values = Types.resolved(Types.argument(type, Map.class, 1), known);
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
        if (!(value instanceof List)) throw misfit(value, raw, path);
        Type items = Types.resolved(Types.argument(type, Iterable.class, 0), known);
        List<?> list = (List<?>) value;
        if (items == Object.class && raw.isInstance(value)) return value;
        Collection<Object> made = raw.isAssignableFrom(ArrayList.class) ? new ArrayList<>()
                : raw.isAssignableFrom(LinkedHashSet.class) ? new LinkedHashSet<>() : make(raw, null);
        for (int i = 0; i < list.size(); i++) made.add(bind(list.get(i), items, known, path + "[" + i + "]"));
        return made;
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

    /** Beans, in an own class: what takes a Map does not load it. */
    static final class Beans {
        private static final String MARKER = "kotlin.jvm.internal.DefaultConstructorMarker";

        private Beans() {}

        static Object make(Map<?, ?> values, Type type, Class<?> raw, Map<TypeVariable<?>, Type> known, String path)
                throws ReflectiveOperationException {
            if (raw.isInterface() || Modifier.isAbstract(raw.getModifiers())) {
                String where = path.isEmpty() ? "the event" : "the event's " + path;
                throw new IllegalArgumentException(where + " cannot become " + raw.getName() + ", which is abstract");
            }
            Map<TypeVariable<?>, Type> inside = Types.variables(type, known);
            Constructor<?> defaults = withDefaults(raw);
            if (defaults != null) return construct(defaults, values, raw, inside, path);
            Constructor<?> empty = emptyConstructor(raw);
            if (empty != null) {
                empty.setAccessible(true);
                Object bean = empty.newInstance();
                fill(bean, values, raw, inside, path);
                return bean;
            }
            return construct(fullConstructor(raw, path), values, raw, inside, path);
        }

        private static Constructor<?> emptyConstructor(Class<?> raw) {
            for (Constructor<?> each : raw.getDeclaredConstructors()) if (each.getParameterCount() == 0) return each;
            return null;
        }

        /** What Kotlin makes beside a constructor with default values: it takes bits for what is left out, and a marker. */
        private static Constructor<?> withDefaults(Class<?> raw) {
            for (Constructor<?> each : raw.getDeclaredConstructors()) {
                Class<?>[] types = each.getParameterTypes();
                int n = types.length;
                if (each.isSynthetic() && n >= 3 && types[n - 1].getName().equals(MARKER) && types[n - 2] == int.class) return each;
            }
            return null;
        }

        /** The one that takes what the object holds: a record's or a data class's. */
        private static Constructor<?> fullConstructor(Class<?> raw, String path) {
            Constructor<?> best = null;
            for (Constructor<?> each : raw.getDeclaredConstructors()) {
                boolean more = best == null || each.getParameterCount() > best.getParameterCount();
                if (!each.isSynthetic() && more && names(each, each.getParameterCount(), raw) != null) best = each;
            }
            if (best != null) return best;
            String where = path.isEmpty() ? "the event" : "the event's " + path;
            throw new IllegalArgumentException(where + " cannot become " + raw.getName()
                    + ", which has no constructor without parameters, nor one whose parameters have names (compile with -parameters)");
        }

        /** Names of a constructor's parameters: those it was compiled with, a record's, or those of the fields that fit. */
        private static String[] names(Constructor<?> constructor, int count, Class<?> raw) {
            String[] names = new String[count];
            java.lang.reflect.Parameter[] parameters = constructor.getParameters();
            List<Field> fields = Properties.fields(raw);
            for (int i = 0; i < count; i++) {
                if (parameters[i].isNamePresent()) names[i] = parameters[i].getName();
                else if (i < fields.size() && fields.get(i).getType() == parameters[i].getType()) names[i] = fields.get(i).getName();
                else return null;
            }
            return names;
        }

        private static Object construct(Constructor<?> constructor, Map<?, ?> values, Class<?> raw,
                Map<TypeVariable<?>, Type> inside, String path) throws ReflectiveOperationException {
            int all = constructor.getParameterCount();
            boolean defaults = constructor.isSynthetic();
            // n parameters, a word of bits for each 32 of them, and the marker.
            int count = defaults ? all - 1 - (all + 31) / 33 : all;
            String[] names = names(constructor, count, raw);
            if (names == null) names = names(plainTwin(constructor, count, raw), count, raw);
            Type[] types = constructor.getGenericParameterTypes();
            Class<?>[] classes = constructor.getParameterTypes();
            if (types.length != all) types = classes;
            Object[] arguments = new Object[all];
            int[] left = new int[(count + 31) / 32 + 1];
            for (int i = 0; i < count; i++) {
                Object key = names == null ? null : keyOf(values, names[i]);
                Type declared = names == null ? types[i] : fieldType(raw, names[i], types[i]);
                if (key == null) left[i / 32] |= 1 << (i % 32);
                Object value = key == null ? null : values.get(key);
                arguments[i] = key == null ? bind(null, classes[i], inside, path)
                        : bind(value, declared, inside, joined(path, (String) key));
                if (arguments[i] == null && classes[i].isPrimitive()) arguments[i] = Array.get(Array.newInstance(classes[i], 1), 0);
            }
            for (int i = count; defaults && i < all - 1; i++) arguments[i] = left[i - count];
            constructor.setAccessible(true);
            try {
                return constructor.newInstance(arguments);
            } catch (InvocationTargetException error) {
                if (error.getCause() instanceof NullPointerException) {
                    String where = path.isEmpty() ? "the event" : "the event's " + path;
                    throw new IllegalArgumentException(where + " does not fit " + raw.getName() + ": " + error.getCause().getMessage());
                }
                throw error;
            }
        }

        /** The constructor that one with default values stands beside: it is the one that has the names. */
        private static Constructor<?> plainTwin(Constructor<?> constructor, int count, Class<?> raw) {
            Class<?>[] wanted = java.util.Arrays.copyOf(constructor.getParameterTypes(), count);
            try {
                return raw.getDeclaredConstructor(wanted);
            } catch (NoSuchMethodException none) {
                return constructor;
            }
        }

        /** A synthetic constructor has no generic signature; the field of the same name has. */
        private static Type fieldType(Class<?> raw, String name, Type otherwise) {
            for (Field field : Properties.fields(raw)) {
                if (field.getName().equals(name) && field.getType() == Types.raw(otherwise)) return field.getGenericType();
            }
            return otherwise;
        }

        private static Object keyOf(Map<?, ?> values, String name) {
            if (values.containsKey(name)) return name;
            for (Object key : values.keySet()) if (((String) key).equalsIgnoreCase(name)) return key;
            return null;
        }

        private static void fill(Object bean, Map<?, ?> values, Class<?> raw, Map<TypeVariable<?>, Type> inside, String path)
                throws ReflectiveOperationException {
            Method[] methods = raw.getMethods();
            List<Field> fields = Properties.fields(raw);
            for (Map.Entry<?, ?> entry : values.entrySet()) {
                String name = (String) entry.getKey();
                Method setter = setter(methods, name);
                if (setter != null) {
                    setter.setAccessible(true);
                    setter.invoke(bean, bind(entry.getValue(), setter.getGenericParameterTypes()[0], inside, joined(path, name)));
                    continue;
                }
                for (Field field : fields) {
                    if (!field.getName().equalsIgnoreCase(name)) continue;
                    field.setAccessible(true);
                    field.set(bean, bind(entry.getValue(), field.getGenericType(), inside, joined(path, name)));
                    break;
                }
            }
        }

        private static Method setter(Method[] methods, String name) {
            Method found = null;
            for (Method each : methods) {
                String own = each.getName();
                boolean fits = own.length() == name.length() + 3 && own.startsWith("set") && each.getParameterCount() == 1
                        && own.regionMatches(true, 3, name, 0, name.length()) && !Modifier.isStatic(each.getModifiers());
                if (fits && (found == null || found.isBridge())) found = each;
            }
            return found;
        }
    }
}

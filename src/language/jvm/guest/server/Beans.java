package ufr.guest;

import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.util.Date;
import java.util.List;
import java.util.Map;

/** Makes objects of JSON's: records, Kotlin's data classes, beans. What takes a Map does not load it. */
final class Beans {
    private static final String EVENTS = "com.amazonaws.services.lambda.runtime.events.";
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
        Constructor<?> full = fullConstructor(raw);
        if (full != null) return construct(full, values, raw, inside, path);
        Object bean = Allocated.instance(raw);
        fill(bean, values, raw, inside, path);
        return bean;
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
    private static Constructor<?> fullConstructor(Class<?> raw) {
        Constructor<?> best = null;
        for (Constructor<?> each : raw.getDeclaredConstructors()) {
            boolean more = best == null || each.getParameterCount() > best.getParameterCount();
            if (!each.isSynthetic() && more && names(each, each.getParameterCount(), raw) != null) best = each;
        }
        return best;
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
            arguments[i] = key == null ? Bind.bind(null, classes[i], inside, path)
                    : Bind.bind(value, declared, inside, Bind.joined(path, (String) key));
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
            Object value = entry.getValue();
            Method setter = setter(methods, name, value);
            Field field = setter == null ? field(fields, name) : null;
            if (setter == null && field == null) continue;
            Type type = setter != null ? setter.getGenericParameterTypes()[0] : field.getGenericType();
            Object bound = isSeconds(value, type, raw) ? new Date((long) (((Number) value).doubleValue() * 1000))
                    : Bind.bind(value, type, inside, Bind.joined(path, name));
            if (setter != null) {
                setter.setAccessible(true);
                setter.invoke(bean, bound);
            } else {
                field.setAccessible(true);
                field.set(bean, bound);
            }
        }
    }

    /** In AWS's events, dates that are numbers count seconds; elsewhere, milliseconds. */
    private static boolean isSeconds(Object value, Type type, Class<?> raw) {
        return type == Date.class && value instanceof Number && raw.getName().startsWith(EVENTS);
    }

    /** Of several setters, the one of exactly that name, and the one that takes a text for a text. */
    private static Method setter(Method[] methods, String name, Object value) {
        Method found = null;
        int best = 0;
        for (Method each : methods) {
            String own = each.getName();
            if (!own.startsWith("set") || each.getParameterCount() != 1 || Modifier.isStatic(each.getModifiers())) continue;
            int likeness = likeness(own.substring(3), name);
            if (likeness == 0) continue;
            int rank = likeness * 4 + (value instanceof String && each.getParameterTypes()[0] == String.class ? 2 : 0)
                    + (each.isBridge() ? 0 : 1);
            if (rank > best) {
                best = rank;
                found = each;
            }
        }
        return found;
    }

    private static Field field(List<Field> fields, String name) {
        Field found = null;
        for (Field each : fields) {
            if (each.getName().equals(name)) return each;
            if (found == null && likeness(each.getName(), name) > 0) found = each;
        }
        return found;
    }

    /** As AWS's events need it: `Records` is set by `records`, `detail-type` by `detailType`. */
    private static int likeness(String own, String name) {
        int length = own.length();
        if (length == name.length() && own.regionMatches(true, 0, name, 0, length)) {
            return own.regionMatches(1, name, 1, length - 1) ? 2 : 1;
        }
        return name.indexOf('-') > 0 && own.equalsIgnoreCase(name.replace("-", "")) ? 1 : 0;
    }

    /** Objects without a constructor having run, for classes that have none which could be called, as AWS's events. */
    private static final class Allocated {
        private Allocated() {}

        static Object instance(Class<?> raw) throws ReflectiveOperationException {
            Class<?> type = Class.forName("sun.misc.Unsafe");
            Field field = type.getDeclaredField("theUnsafe");
            field.setAccessible(true);
            return type.getMethod("allocateInstance", Class.class).invoke(field.get(null), raw);
        }
    }
}

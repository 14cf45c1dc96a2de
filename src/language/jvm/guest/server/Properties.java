package ufr.guest;

import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What an object shows to the outside: a record's components, else what has a public getter, and public fields. Names
 * are those of beans, as AWS's runtime has them; the order is that of the fields, then by name.
 */
final class Properties {
    private static final Map<Class<?>, List<Property>> KNOWN = new HashMap<>();

    private Properties() {}

    static final class Property {
        private final String name;
        private final Method getter;
        private final Field field;

        Property(String name, Method getter, Field field) {
            this.name = name;
            this.getter = getter;
            this.field = field;
        }

        String name() {
            return name;
        }

        Object get(Object bean) {
            try {
                return getter != null ? getter.invoke(bean) : field.get(bean);
            } catch (InvocationTargetException error) {
                Throwable cause = error.getCause();
                if (cause instanceof RuntimeException) throw (RuntimeException) cause;
                if (cause instanceof Error) throw (Error) cause;
                throw new IllegalStateException(cause);
            } catch (IllegalAccessException error) {
                throw new JsonException("the property " + name + " of " + bean.getClass().getName() + " is not accessible");
            }
        }
    }

    static List<Property> of(Class<?> type) {
        synchronized (KNOWN) {
            List<Property> known = KNOWN.get(type);
            if (known == null) KNOWN.put(type, known = type.isRecord() ? ofRecord(type) : ofBean(type));
            return known;
        }
    }

    private static List<Property> ofRecord(Class<?> type) {
        List<Property> properties = new ArrayList<>();
        for (RecordComponent component : type.getRecordComponents()) {
            Method getter = component.getAccessor();
            getter.setAccessible(true);
            properties.add(new Property(component.getName(), getter, null));
        }
        return properties;
    }

    private static List<Property> ofBean(Class<?> type) {
        List<Field> fields = fields(type);
        Map<String, Property> found = new TreeMap<>();
        for (Method method : type.getMethods()) {
            String name = propertyName(method, fields);
            if (name == null || found.containsKey(name)) continue;
            // The class need not be public: its methods are.
            method.setAccessible(true);
            found.put(name, new Property(name, method, null));
        }
        List<Property> properties = new ArrayList<>();
        for (Field field : fields) {
            String name = field.getName();
            Property getter = found.remove(name);
            if (getter != null) properties.add(getter);
            else if (Modifier.isPublic(field.getModifiers())) {
                field.setAccessible(true);
                properties.add(new Property(name, null, field));
            }
        }
        properties.addAll(found.values());
        return properties;
    }

    /** Fields of objects of a class, those of its superclasses first. */
    static List<Field> fields(Class<?> type) {
        List<Field> fields = new ArrayList<>();
        if (type == null || type.getName().startsWith("java.")) return fields;
        fields.addAll(fields(type.getSuperclass()));
        for (Field field : type.getDeclaredFields()) {
            if (!field.isSynthetic() && (field.getModifiers() & (Modifier.STATIC | Modifier.TRANSIENT)) == 0) fields.add(field);
        }
        return fields;
    }

    private static String propertyName(Method method, List<Field> fields) {
        String name = method.getName();
        Class<?> result = method.getReturnType();
        boolean wrong = method.getParameterCount() > 0 || result == void.class || method.isBridge()
                || Modifier.isStatic(method.getModifiers()) || method.getDeclaringClass() == Object.class;
        if (wrong) return null;
        if (name.length() > 3 && name.startsWith("get")) return decapitalised(name.substring(3));
        if (name.length() <= 2 || !name.startsWith("is") || (result != boolean.class && result != Boolean.class)) return null;
        // Kotlin's property isActive has the getter isActive.
        for (Field field : fields) if (field.getName().equals(name)) return name;
        return decapitalised(name.substring(2));
    }

    /** As beans have it (java.beans.Introspector): the first letter becomes small, but not where two capitals begin. */
    static String decapitalised(String name) {
        if (name.length() > 1 && Character.isUpperCase(name.charAt(0)) && Character.isUpperCase(name.charAt(1))) return name;
        return Character.toLowerCase(name.charAt(0)) + name.substring(1);
    }
}

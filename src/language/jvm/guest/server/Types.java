package ufr.guest;

import java.lang.reflect.GenericArrayType;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.lang.reflect.WildcardType;
import java.util.HashMap;
import java.util.Map;

/** Generic types, as far as binding JSON to them needs: what a class makes of a type variable of one of its supertypes. */
final class Types {
    private Types() {}

    /** What `type`, a subtype of `wanted`, gives for the n-th type variable of `wanted`; Object where it does not say. */
    static Type argument(Type type, Class<?> wanted, int n) {
        return argument(type, wanted, n, new HashMap<>());
    }

    /** @param known what type variables in `type` stand for. */
    static Type argument(Type type, Class<?> wanted, int n, Map<TypeVariable<?>, Type> known) {
        Type found = search(type, wanted, n, known);
        return found == null ? Object.class : found;
    }

    private static Type search(Type type, Class<?> wanted, int n, Map<TypeVariable<?>, Type> known) {
        Class<?> raw = raw(type);
        Map<TypeVariable<?>, Type> inside = variables(type, known);
        if (raw == wanted) return inside.get(wanted.getTypeParameters()[n]);
        for (Type above : raw.getGenericInterfaces()) {
            if (!wanted.isAssignableFrom(raw(above))) continue;
            Type found = search(above, wanted, n, inside);
            if (found != null) return found;
        }
        Type parent = raw.getGenericSuperclass();
        return parent == null || !wanted.isAssignableFrom(raw(parent)) ? null : search(parent, wanted, n, inside);
    }

    /** What the variables of a type's class stand for in it. */
    static Map<TypeVariable<?>, Type> variables(Type type, Map<TypeVariable<?>, Type> known) {
        Map<TypeVariable<?>, Type> variables = new HashMap<>();
        if (type instanceof ParameterizedType) {
            ParameterizedType parameterized = (ParameterizedType) type;
            TypeVariable<?>[] names = raw(type).getTypeParameters();
            Type[] arguments = parameterized.getActualTypeArguments();
            for (int i = 0; i < names.length; i++) variables.put(names[i], resolved(arguments[i], known));
        }
        return variables;
    }

    /** A type with all variables, wildcards and bounds in it replaced by what they stand for. */
    static Type resolved(Type type, Map<TypeVariable<?>, Type> known) {
        if (type instanceof Class) return type;
        if (type instanceof WildcardType) return resolved(((WildcardType) type).getUpperBounds()[0], known);
        if (type instanceof TypeVariable) {
            Type found = known.get(type);
            // A bound may hold the variable itself: `T extends Comparable<T>`.
            return found != null ? found : raw(type);
        }
        if (type instanceof ParameterizedType) {
            Type[] arguments = ((ParameterizedType) type).getActualTypeArguments();
            boolean same = true;
            for (int i = 0; i < arguments.length; i++) {
                Type each = resolved(arguments[i], known);
                same &= each == arguments[i];
                arguments[i] = each;
            }
            return same ? type : new Filled(raw(type), arguments);
        }
        if (!(type instanceof GenericArrayType)) return type;
        Type item = ((GenericArrayType) type).getGenericComponentType();
        Type found = resolved(item, known);
        return found instanceof Class ? ((Class<?>) found).arrayType() : found == item ? type : new ArrayOf(found);
    }

    static Class<?> raw(Type type) {
        if (type instanceof Class) return (Class<?>) type;
        if (type instanceof ParameterizedType) return (Class<?>) ((ParameterizedType) type).getRawType();
        if (type instanceof GenericArrayType) {
            return raw(((GenericArrayType) type).getGenericComponentType()).arrayType();
        }
        if (type instanceof WildcardType) return raw(((WildcardType) type).getUpperBounds()[0]);
        return raw(((TypeVariable<?>) type).getBounds()[0]);
    }

    /** `List<T>` with what T stands for. */
    private static final class Filled implements ParameterizedType {
        private final Class<?> raw;
        private final Type[] arguments;

        Filled(Class<?> raw, Type[] arguments) {
            this.raw = raw;
            this.arguments = arguments;
        }

        @Override
        public Type getRawType() {
            return raw;
        }

        @Override
        public Type[] getActualTypeArguments() {
            return arguments.clone();
        }

        @Override
        public Type getOwnerType() {
            return raw.getDeclaringClass();
        }
    }

    private static final class ArrayOf implements GenericArrayType {
        private final Type item;

        ArrayOf(Type item) {
            this.item = item;
        }

        @Override
        public Type getGenericComponentType() {
            return item;
        }
    }
}

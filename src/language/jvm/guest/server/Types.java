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
        Type found = argument(type, wanted, n, new HashMap<>());
        return found == null ? Object.class : found;
    }

    private static Type argument(Type type, Class<?> wanted, int n, Map<TypeVariable<?>, Type> known) {
        Class<?> raw = raw(type);
        Map<TypeVariable<?>, Type> inside = variables(type, known);
        if (raw == wanted) return inside.getOrDefault(wanted.getTypeParameters()[n], Object.class);
        for (Type above : raw.getGenericInterfaces()) {
            if (!wanted.isAssignableFrom(raw(above))) continue;
            Type found = argument(above, wanted, n, inside);
            if (found != null) return found;
        }
        Type parent = raw.getGenericSuperclass();
        return parent == null || !wanted.isAssignableFrom(raw(parent)) ? null : argument(parent, wanted, n, inside);
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

    /** A type with its own variable, wildcard or bound replaced by what it stands for; what is inside of it stays. */
    static Type resolved(Type type, Map<TypeVariable<?>, Type> known) {
        if (type instanceof WildcardType) return resolved(((WildcardType) type).getUpperBounds()[0], known);
        if (!(type instanceof TypeVariable)) return type;
        Type found = known.get(type);
        if (found != null) return found;
        Type bound = ((TypeVariable<?>) type).getBounds()[0];
        return bound instanceof TypeVariable ? Object.class : bound;
    }

    static Class<?> raw(Type type) {
        if (type instanceof Class) return (Class<?>) type;
        if (type instanceof ParameterizedType) return (Class<?>) ((ParameterizedType) type).getRawType();
        if (type instanceof GenericArrayType) {
            return raw(((GenericArrayType) type).getGenericComponentType()).arrayType();
        }
        return raw(resolved(type, new HashMap<>()));
    }
}

package ufr.guest;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;

/** A function's handler in any of the forms that AWS documents for Java. */
abstract class Handler {
    /** Whether it wants the event as it came, and not read as JSON. */
    boolean takesBytes() {
        return false;
    }

    /**
     * @param event read as JSON, or null for a handler that takes bytes.
     * @return the answer's bytes.
     */
    abstract byte[] call(Object event, byte[] bytes, Context context) throws Throwable;

    /**
     * Finds and loads what a handler string such as `app.Hello::handle` names; without a method, a class that implements
     * one of AWS's interfaces.
     */
    static Handler load(String name) throws Throwable {
        int colons = name.indexOf("::");
        String type = colons < 0 ? name : name.substring(0, colons);
        String method = colons < 0 ? "handleRequest" : name.substring(colons + 2);
        if (type.isEmpty()) throw new IllegalArgumentException("no handler is named: it is to be as in app.Hello::handle");
        Class<?> found = find(type);
        if (method.equals("handleRequest")) {
            if (RequestStreamHandler.class.isAssignableFrom(found)) return new OfStream((RequestStreamHandler) instance(found));
            if (RequestHandler.class.isAssignableFrom(found)) return new OfRequest((RequestHandler<?, ?>) instance(found), found);
        }
        return OfMethod.find(found, method, colons >= 0);
    }

    private static Class<?> find(String type) throws ClassNotFoundException {
        try {
            return Class.forName(type, true, ClassLoader.getSystemClassLoader());
        } catch (ClassNotFoundException missing) {
            throw new ClassNotFoundException("Class not found: " + type);
        }
    }

    private static Object instance(Class<?> type) throws Throwable {
        try {
            return type.getConstructor().newInstance();
        } catch (NoSuchMethodException none) {
            try {
                // An `object` of Kotlin's.
                return type.getField("INSTANCE").get(null);
            } catch (NoSuchFieldException neither) {
                throw new NoSuchMethodException(type.getName() + " has no public constructor without parameters");
            }
        }
    }

    private static final class OfStream extends Handler {
        private final RequestStreamHandler handler;

        OfStream(RequestStreamHandler handler) {
            this.handler = handler;
        }

        @Override
        boolean takesBytes() {
            return true;
        }

        @Override
        byte[] call(Object event, byte[] bytes, Context context) throws Throwable {
            ByteArrayOutputStream output = new ByteArrayOutputStream();
            handler.handleRequest(new ByteArrayInputStream(bytes), output, context);
            return output.toByteArray();
        }
    }

    private static final class OfRequest extends Handler {
        private final RequestHandler<Object, ?> handler;
        private final Type input;

        @SuppressWarnings("unchecked")
        OfRequest(RequestHandler<?, ?> handler, Class<?> type) {
            this.handler = (RequestHandler<Object, ?>) handler;
            this.input = Types.argument(type, RequestHandler.class, 0);
        }

        @Override
        byte[] call(Object event, byte[] bytes, Context context) throws Throwable {
            return Json.bytes(handler.handleRequest(Bind.to(event, input), context));
        }
    }

    private static final class OfMethod extends Handler {
        private final Method method;
        private final Object target;
        private final Class<?>[] parameters;
        private final Type[] types;

        private OfMethod(Method method, Class<?> type) throws Throwable {
            this.method = method;
            parameters = method.getParameterTypes();
            types = method.getGenericParameterTypes();
            method.setAccessible(true);
            target = Modifier.isStatic(method.getModifiers()) ? null : instance(type);
        }

        /** Of several methods of the name, the one with the most parameters, as on AWS. */
        static Handler find(Class<?> type, String name, boolean named) throws Throwable {
            Method best = null;
            boolean any = false;
            for (Method each : type.getMethods()) {
                if (!each.getName().equals(name) || each.isBridge()) continue;
                any = true;
                boolean more = best == null || each.getParameterCount() > best.getParameterCount()
                        || each.getParameterCount() == best.getParameterCount() && endsWithContext(each);
                if (more && fits(each)) best = each;
            }
            if (best != null) return new OfMethod(best, type);
            if (!named) {
                throw new NoSuchMethodException(type.getName() + " implements neither RequestHandler nor RequestStreamHandler: "
                        + "name a method, as in " + type.getName() + "::handle");
            }
            throw new NoSuchMethodException(any
                    ? type.getName() + "::" + name + " does not take an event, a context, or both, or two streams and a context"
                    : type.getName() + " has no public method " + name);
        }

        private static boolean endsWithContext(Method method) {
            Class<?>[] types = method.getParameterTypes();
            return types.length > 0 && types[types.length - 1] == Context.class;
        }

        private static boolean fits(Method method) {
            Class<?>[] types = method.getParameterTypes();
            int events = endsWithContext(method) ? types.length - 1 : types.length;
            if (events > 0 && types[events - 1].getName().equals("kotlin.coroutines.Continuation")) return false;
            return events <= 1 || events == 2 && types[0] == InputStream.class && types[1] == OutputStream.class;
        }

        @Override
        boolean takesBytes() {
            return parameters.length > 0 && (parameters[0] == InputStream.class || parameters[0] == OutputStream.class);
        }

        @Override
        byte[] call(Object event, byte[] bytes, Context context) throws Throwable {
            ByteArrayOutputStream output = null;
            Object[] arguments = new Object[parameters.length];
            for (int i = 0; i < arguments.length; i++) {
                if (parameters[i] == Context.class) arguments[i] = context;
                else if (parameters[i] == InputStream.class) arguments[i] = new ByteArrayInputStream(bytes);
                else if (parameters[i] == OutputStream.class) arguments[i] = output = new ByteArrayOutputStream();
                else arguments[i] = Bind.to(event, types[i]);
            }
            Object result = method.invoke(target, arguments);
            return output != null ? output.toByteArray() : Json.bytes(result);
        }
    }
}

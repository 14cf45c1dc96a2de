package ufr.guest;

import java.nio.file.Path;
import java.util.TimeZone;

/** What objects of the platform are as texts, where that is not what they print. */
final class Texts {
    private Texts() {}

    static String of(Object value) {
        if (value instanceof Class) return ((Class<?>) value).getName();
        if (value instanceof Path) return ((Path) value).toUri().toString();
        if (value instanceof TimeZone) return ((TimeZone) value).getID();
        return value.toString();
    }
}

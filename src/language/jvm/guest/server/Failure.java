package ufr.guest;

import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** How AWS's Java runtime reports a failure to whoever invoked the function. */
final class Failure {
    private static final int MAX_CAUSES = 8;

    private Failure() {}

    /** What the function threw, without what reflection and this server put around it. */
    static Throwable cause(Throwable error) {
        Throwable found = error;
        while (found instanceof InvocationTargetException || found instanceof ExceptionInInitializerError) {
            Throwable next = found.getCause();
            if (next == null) return found;
            found = next;
        }
        return found;
    }

    static Map<String, Object> report(Throwable error) {
        return report(cause(error), 0);
    }

    private static Map<String, Object> report(Throwable error, int level) {
        Map<String, Object> report = new LinkedHashMap<>();
        report.put("errorMessage", message(error));
        report.put("errorType", error.getClass().getName());
        report.put("stackTrace", trace(error));
        Throwable cause = error.getCause();
        if (cause != null && cause != error && level < MAX_CAUSES) report.put("cause", report(cause, level + 1));
        return report;
    }

    /** `getMessage` may be the function's own code. */
    private static String message(Throwable error) {
        try {
            return error.getMessage();
        } catch (Throwable another) {
            return "what was thrown cannot be shown: " + another.getClass().getName();
        }
    }

    private static List<String> trace(Throwable error) {
        List<String> lines = new ArrayList<>();
        for (StackTraceElement element : error.getStackTrace()) {
            String type = element.getClassName();
            // What is below the function is ours and tells nobody anything.
            if (type.startsWith("ufr.guest.")) break;
            lines.add(element.toString());
        }
        for (int i = lines.size(); i > 0 && isReflection(lines.get(i - 1)); i--) lines.remove(i - 1);
        return lines;
    }

    private static boolean isReflection(String line) {
        return line.startsWith("java.base/jdk.internal.reflect.") || line.startsWith("java.base/java.lang.reflect.");
    }

    static Map<String, Object> tooLarge(int bytes, int limit) {
        Map<String, Object> report = new LinkedHashMap<>();
        report.put("errorMessage",
                "the result has " + bytes + " bytes of JSON, and the most that can be answered is " + limit);
        report.put("errorType", "Function.ResponseSizeTooLarge");
        report.put("stackTrace", new ArrayList<>());
        return report;
    }

    /** Writes a failure to the function's log, as a stack trace: what AWS's runtime does. */
    static void log(String requestId, String what, Map<String, Object> report) {
        StringBuilder text = new StringBuilder();
        if (requestId != null) text.append(requestId).append(' ');
        text.append(what).append(": ");
        append(text, report);
        System.err.print(text);
        System.err.flush();
    }

    private static void append(StringBuilder text, Map<String, Object> report) {
        text.append(report.get("errorType")).append(": ").append(report.get("errorMessage")).append('\n');
        for (Object line : (List<?>) report.get("stackTrace")) text.append("\tat ").append(line).append('\n');
        Object cause = report.get("cause");
        if (cause == null) return;
        text.append("Caused by: ");
        @SuppressWarnings("unchecked")
        Map<String, Object> inner = (Map<String, Object>) cause;
        append(text, inner);
    }
}

package ufr.guest;

/** What was to be read is no JSON, or what was to be written cannot be JSON. */
final class JsonException extends RuntimeException {
    private static final long serialVersionUID = 1;

    JsonException(String message) {
        super(message);
    }
}

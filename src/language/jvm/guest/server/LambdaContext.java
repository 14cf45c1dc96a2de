package ufr.guest;

import com.amazonaws.services.lambda.runtime.Client;
import com.amazonaws.services.lambda.runtime.ClientContext;
import com.amazonaws.services.lambda.runtime.CognitoIdentity;
import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.LambdaLogger;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;

/** The `context` that a handler gets, as AWS documents it for Java. */
final class LambdaContext implements Context {
    /** What AWS's runtime interface emulator takes where nobody says how long a function may run. */
    private static final long DEFAULT_TIMEOUT_MS = 300_000;

    private final Http http;
    private final String requestId;
    /** By `System.nanoTime`: a guest restored from a snapshot has a wall clock that is behind. */
    private final long endNanos;
    private CognitoIdentity identity;
    private ClientContext client;

    /** @throws JsonException where a header that should hold JSON does not. */
    LambdaContext(Http http) {
        this.http = http;
        String id = http.header("lambda-runtime-aws-request-id");
        requestId = id == null ? UUID.randomUUID().toString() : id;
        endNanos = System.nanoTime() + leftMs() * 1_000_000;
        Map<?, ?> cognito = json("Cognito identity", http.header("lambda-runtime-cognito-identity"));
        if (cognito != null) identity = new Identity(cognito);
        Map<?, ?> context = json("client context", http.header("lambda-runtime-client-context"));
        if (context != null) client = new ClientContextOf(context);
    }

    private long leftMs() {
        Long left = number(http.header("ufr-deadline-in-ms"));
        if (left != null) return left;
        Long deadline = number(http.header("lambda-runtime-deadline-ms"));
        return deadline == null ? DEFAULT_TIMEOUT_MS : deadline - System.currentTimeMillis();
    }

    private static Long number(String text) {
        try {
            return text == null ? null : Long.valueOf(text);
        } catch (NumberFormatException wrong) {
            return null;
        }
    }

    private static Map<?, ?> json(String name, String text) {
        if (text == null) return null;
        try {
            Object value = Json.parse(text.getBytes(StandardCharsets.ISO_8859_1));
            return value instanceof Map ? (Map<?, ?>) value : null;
        } catch (JsonException wrong) {
            throw new JsonException("the " + name + ": " + wrong.getMessage());
        }
    }

    @Override
    public String getAwsRequestId() {
        return requestId;
    }

    @Override
    public String getLogGroupName() {
        return System.getenv("AWS_LAMBDA_LOG_GROUP_NAME");
    }

    @Override
    public String getLogStreamName() {
        return System.getenv("AWS_LAMBDA_LOG_STREAM_NAME");
    }

    @Override
    public String getFunctionName() {
        return System.getenv("AWS_LAMBDA_FUNCTION_NAME");
    }

    @Override
    public String getFunctionVersion() {
        return System.getenv("AWS_LAMBDA_FUNCTION_VERSION");
    }

    @Override
    public String getInvokedFunctionArn() {
        String arn = http.header("lambda-runtime-invoked-function-arn");
        if (arn != null) return arn;
        String region = Server.variable("AWS_REGION", "us-east-1");
        return "arn:aws:lambda:" + region + ":000000000000:function:" + Server.variable("AWS_LAMBDA_FUNCTION_NAME", "function");
    }

    @Override
    public CognitoIdentity getIdentity() {
        return identity;
    }

    @Override
    public ClientContext getClientContext() {
        return client;
    }

    @Override
    public int getRemainingTimeInMillis() {
        long left = (endNanos - System.nanoTime()) / 1_000_000;
        return (int) Math.max(Integer.MIN_VALUE, Math.min(Integer.MAX_VALUE, left));
    }

    @Override
    public int getMemoryLimitInMB() {
        return Integer.parseInt(Server.variable("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "0"));
    }

    @Override
    public LambdaLogger getLogger() {
        return Logger.INSTANCE;
    }

    /** An own class, so that a function that has no use for it does not load it. */
    static final class Logger implements LambdaLogger {
        static final Logger INSTANCE = new Logger();

        @Override
        public void log(String message) {
            System.out.println(message);
            System.out.flush();
        }

        @Override
        public void log(byte[] message) {
            System.out.write(message, 0, message.length);
            System.out.flush();
        }
    }

    private static final class Identity implements CognitoIdentity {
        private final Map<?, ?> values;

        Identity(Map<?, ?> values) {
            this.values = values;
        }

        @Override
        public String getIdentityId() {
            return text(values, "cognitoIdentityId");
        }

        @Override
        public String getIdentityPoolId() {
            return text(values, "cognitoIdentityPoolId");
        }
    }

    private static final class ClientContextOf implements ClientContext {
        private final Map<?, ?> values;

        ClientContextOf(Map<?, ?> values) {
            this.values = values;
        }

        @Override
        public Client getClient() {
            Object client = values.get("client");
            return client instanceof Map ? new ClientOf((Map<?, ?>) client) : null;
        }

        @Override
        public Map<String, String> getCustom() {
            return texts(values.get("custom"));
        }

        @Override
        public Map<String, String> getEnvironment() {
            return texts(values.get("env"));
        }
    }

    private static final class ClientOf implements Client {
        private final Map<?, ?> values;

        ClientOf(Map<?, ?> values) {
            this.values = values;
        }

        @Override
        public String getInstallationId() {
            return text(values, "installation_id");
        }

        @Override
        public String getAppTitle() {
            return text(values, "app_title");
        }

        @Override
        public String getAppVersionName() {
            return text(values, "app_version_name");
        }

        @Override
        public String getAppVersionCode() {
            return text(values, "app_version_code");
        }

        @Override
        public String getAppPackageName() {
            return text(values, "app_package_name");
        }
    }

    private static String text(Map<?, ?> values, String key) {
        Object value = values.get(key);
        return value == null ? null : value.toString();
    }

    private static Map<String, String> texts(Object value) {
        Map<String, String> texts = new LinkedHashMap<>();
        if (value instanceof Map) {
            for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
                texts.put(entry.getKey().toString(), String.valueOf(entry.getValue()));
            }
        }
        return texts;
    }
}

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;

/** An AWS Lambda style handler: gets the event, returns the answer. */
public class Hello implements RequestHandler<Hello.Person, Hello.Greeting> {
    public record Person(String name) {}

    public record Greeting(String message, String java) {}

    @Override
    public Greeting handleRequest(Person person, Context context) {
        String name = person.name() == null ? "world" : person.name();
        return new Greeting("Hello, " + name + "!", System.getProperty("java.version"));
    }
}

data class Person(val name: String = "world")

data class Greeting(val message: String, val kotlin: String)

/** An AWS Lambda style handler: gets the event, returns the answer. */
fun handle(person: Person) = Greeting("Hello, ${person.name}!", KotlinVersion.CURRENT.toString())

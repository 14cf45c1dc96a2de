/** What a jar's META-INF/MANIFEST.MF says, as far as running it goes (JAR File Specification). */
export interface JarManifest {
  mainClass?: string
  /** What Spring Boot's launcher starts. */
  startClass?: string
  /** Relative addresses of further jars. */
  classPath: string[]
  /** `module/package`, to be opened or exported to everybody; taken by `java` only where it runs a jar by -jar. */
  addOpens: string[]
  addExports: string[]
}

const maxText = 1 << 20

/** Reads a manifest; what cannot be understood is left out, as `java` does. */
export function parseManifest(text: string): JarManifest {
  const main = text
    .slice(0, maxText)
    .replace(/\r\n?/g, '\n')
    // A line that begins with a blank goes on with the one before it.
    .replaceAll('\n ', '')
    .split('\n\n', 1)[0]!
  const attributes = new Map<string, string>()
  for (const line of main.split('\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) attributes.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim())
  }
  const words = (name: string) => (attributes.get(name) ?? '').split(/\s+/).filter((word) => word !== '')
  const mainClass = attributes.get('main-class')
  const startClass = attributes.get('start-class')
  return {
    ...(mainClass && { mainClass }),
    ...(startClass && { startClass }),
    classPath: words('class-path'),
    addOpens: words('add-opens'),
    addExports: words('add-exports'),
  }
}

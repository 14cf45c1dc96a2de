package ufr.guest;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/**
 * Runs on the host when an image is built, for the class-data-sharing archive: loads classes by name, one on each line of
 * standard input, and initialises none, so that nothing of the function runs. What cannot be loaded is left out.
 */
public final class Preload {
    private Preload() {}

    public static void main(String[] args) throws Exception {
        ClassLoader loader = ClassLoader.getSystemClassLoader();
        BufferedReader names = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String name = names.readLine(); name != null; name = names.readLine()) {
            try {
                Class.forName(name, false, loader);
            } catch (ClassNotFoundException | LinkageError | SecurityException missing) {
                // It will be missing in the guest as well, should it be needed there.
            }
        }
    }
}

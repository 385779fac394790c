package bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** What a peer is given: where Kafka is, the topology, and the file that notes when its first record came. */
record Given(
        String broker, String telemetry, String parts, String stateDirectory, int threads, long windowMs, long graceMs,
        boolean keepsSiteWindows, Map<String, String> parents, Map<String, String> levelOf, Map<String, Integer> partsOf,
        Path firstRecord) {

    static Given fromEnvironment() throws IOException {
        boolean keepsSiteWindows = variable("BENCH_SITE_WINDOWS").equals("yes");
        Map<String, String> parents = new HashMap<>();
        Map<String, String> levelOf = new HashMap<>();
        Map<String, Integer> partsOf = new HashMap<>();
        for (String line : Files.readAllLines(Path.of(variable("BENCH_TOPOLOGY_LINES")))) {
            String[] fields = line.split("\t", -1);
            if (!fields[1].isEmpty()) {
                parents.put(fields[0], fields[1]);
            }
            if (!fields[2].isEmpty()) {
                levelOf.put(fields[0], fields[2]);
                int children = Integer.parseInt(fields[3]);
                int partitions = Integer.parseInt(fields[4]);
                partsOf.put(fields[0], keepsSiteWindows || partitions == 0 ? children : partitions);
            }
        }
        return new Given(
                variable("BENCH_BROKER"), variable("BENCH_TELEMETRY"), variable("BENCH_PARTS"),
                variable("BENCH_STATE_DIR"), Integer.parseInt(variable("BENCH_THREADS")),
                Long.parseLong(variable("BENCH_WINDOW_MS")), Long.parseLong(variable("BENCH_GRACE_MS")),
                keepsSiteWindows, parents, levelOf, partsOf, Path.of(variable("BENCH_FIRST_RECORD")));
    }

    Set<String> levels() {
        return new TreeSet<>(levelOf.values());
    }

    void noteFirstRecord() {
        if (!Files.exists(firstRecord)) {
            try {
                Files.writeString(firstRecord, Double.toString(System.currentTimeMillis() / 1000.0));
            } catch (IOException error) {
                throw new IllegalStateException(error);
            }
        }
    }

    private static String variable(String name) {
        String value = System.getenv(name);
        if (value == null) {
            throw new IllegalArgumentException(name + " is not set");
        }
        return value;
    }
}

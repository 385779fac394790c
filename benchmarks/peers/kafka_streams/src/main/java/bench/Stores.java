package bench;

import java.time.Duration;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;

/** State in RocksDB behind a cache, with a changelog. */
final class Stores {
    private Stores() {}

    static void add(Topology topology, Given given, String processor) {
        Duration window = Duration.ofMillis(given.windowMs());
        Duration retention = Duration.ofMillis(4 * given.windowMs() + 2 * given.graceMs());
        topology.addStateStore(keyValue("twins"), processor);
        topology.addStateStore(
                org.apache.kafka.streams.state.Stores.windowStoreBuilder(
                                org.apache.kafka.streams.state.Stores.persistentWindowStore(
                                        "windows", retention, window, false),
                                Serdes.String(), Serdes.ByteArray())
                        .withCachingEnabled(),
                processor);
    }

    static StoreBuilder<KeyValueStore<String, byte[]>> keyValue(String name) {
        return org.apache.kafka.streams.state.Stores.keyValueStoreBuilder(
                        org.apache.kafka.streams.state.Stores.persistentKeyValueStore(name),
                        Serdes.String(), Serdes.ByteArray())
                .withCachingEnabled();
    }
}

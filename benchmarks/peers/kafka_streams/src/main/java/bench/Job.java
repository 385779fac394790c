package bench;

import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;

/** The job in Kafka Streams: sites and their windows in one sub-topology, nodes in another, one topic between. */
public final class Job {
    public static void main(String[] arguments) throws Exception {
        Given given = Given.fromEnvironment();
        KafkaStreams streams = new KafkaStreams(topology(given), settings(given));
        CountDownLatch isOver = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            streams.close();
            isOver.countDown();
        }));
        streams.start();
        isOver.await();
    }

    private static Topology topology(Given given) {
        var bytes = Serdes.ByteArray();
        var text = Serdes.String();
        Topology topology = new Topology();
        topology.addSource("telemetry", text.deserializer(), bytes.deserializer(), given.telemetry());
        topology.addProcessor("sites", () -> new Sites(given), "telemetry");
        Stores.add(topology, given, "sites");
        topology.addSink("site-parts", given.parts(), text.serializer(), bytes.serializer(), "sites");
        topology.addSource("parts", text.deserializer(), bytes.deserializer(), given.parts());
        topology.addProcessor("nodes", () -> new Nodes(given), "parts");
        topology.addStateStore(Stores.keyValue("node-windows"), "nodes");
        topology.addSink(Nodes.UP, given.parts(), text.serializer(), bytes.serializer(), "nodes");
        for (String level : given.levels()) {
            topology.addSink(level, "bench." + level, text.serializer(), bytes.serializer(), "nodes");
        }
        return topology;
    }

    private static Properties settings(Given given) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "bench-kafka-streams");
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, given.broker());
        settings.put(StreamsConfig.STATE_DIR_CONFIG, given.stateDirectory());
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, given.threads());
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 5000);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 256L << 20);
        settings.put(StreamsConfig.producerPrefix("linger.ms"), 100);
        settings.put(StreamsConfig.producerPrefix("batch.size"), 256 << 10);
        settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        settings.put(StreamsConfig.consumerPrefix("group.instance.id"), "bench-0");
        return settings;
    }
}

package bench;

import java.nio.charset.StandardCharsets;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** Publishes a node's window when all its parts were heard, and tells its parent. */
final class Nodes implements Processor<String, byte[], String, byte[]> {
    static final String UP = "node-parts";

    private final Given given;
    private ProcessorContext<String, byte[]> context;
    private KeyValueStore<String, byte[]> windows;

    Nodes(Given given) {
        this.given = given;
    }

    @Override
    public void init(ProcessorContext<String, byte[]> context) {
        this.context = context;
        this.windows = context.getStateStore("node-windows");
    }

    @Override
    public void process(Record<String, byte[]> record) {
        String node = record.key();
        Part part = Part.of(record.value());
        String key = node + "|" + part.startMs();
        Sum sum = Sum.of(windows.get(key)).plusPart(part.sum());
        if (sum.parts() < given.partsOf().get(node)) {
            windows.put(key, sum.toBytes());
            return;
        }
        windows.delete(key);
        context.forward(record.withKey(key).withValue(json(node, part.startMs(), sum)), given.levelOf().get(node));
        String parent = given.parents().get(node);
        if (parent != null) {
            context.forward(record.withKey(parent).withValue(new Part(part.startMs(), sum).toBytes()), UP);
        }
    }

    private static byte[] json(String node, long startMs, Sum sum) {
        String text = "{\"node\":\"" + node + "\",\"window_start_ms\":" + startMs + ",\"readings\":" + sum.readings()
                + ",\"sum_w\":" + sum.sumW() + "}";
        return text.getBytes(StandardCharsets.UTF_8);
    }
}

package bench;

import java.util.TreeSet;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.WindowStore;

/** Keeps each site's latest reading and the open windows; says a window when stream time has passed its grace. */
final class Sites implements Processor<String, byte[], String, byte[]> {
    private final Given given;
    private final TreeSet<Long> open = new TreeSet<>();
    private ProcessorContext<String, byte[]> context;
    private KeyValueStore<String, byte[]> twins;
    private WindowStore<String, byte[]> windows;
    private boolean isFirst = true;
    private long streamMs = Long.MIN_VALUE;

    Sites(Given given) {
        this.given = given;
    }

    @Override
    public void init(ProcessorContext<String, byte[]> context) {
        this.context = context;
        this.twins = context.getStateStore("twins");
        this.windows = context.getStateStore("windows");
    }

    @Override
    public void process(Record<String, byte[]> record) {
        if (isFirst) {
            given.noteFirstRecord();
            isFirst = false;
        }
        streamMs = Math.max(streamMs, record.timestamp());
        if (record.value().length > 0) {
            twins.put(record.key(), record.value());
            add(record.key(), Reading.parse(record.value()));
        }
        while (!open.isEmpty() && open.first() + given.windowMs() + given.graceMs() <= streamMs) {
            say(open.pollFirst());
        }
    }

    private void add(String site, Reading reading) {
        String key = given.keepsSiteWindows() ? site : given.parents().get(site);
        long startMs = Math.floorDiv(reading.measuredAtMs(), given.windowMs()) * given.windowMs();
        Sum sum = Sum.of(windows.fetch(key, startMs)).plus(1, reading.activePowerW());
        windows.put(key, sum.toBytes(), startMs);
        open.add(startMs);
    }

    private void say(long startMs) {
        try (var all = windows.fetchAll(startMs, startMs)) {
            while (all.hasNext()) {
                var row = all.next();
                String key = row.key.key();
                String node = given.keepsSiteWindows() ? given.parents().get(key) : key;
                context.forward(new Record<>(node, new Part(startMs, Sum.of(row.value)).toBytes(), streamMs));
            }
        }
    }
}

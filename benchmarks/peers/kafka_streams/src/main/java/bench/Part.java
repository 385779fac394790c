package bench;

import java.nio.ByteBuffer;

/** A window of a child, on its way to a node. */
record Part(long startMs, Sum sum) {
    static Part of(byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        return new Part(buffer.getLong(), new Sum(0, buffer.getLong(), buffer.getLong()));
    }

    byte[] toBytes() {
        return ByteBuffer.allocate(24).putLong(startMs).putLong(sum.readings()).putLong(sum.sumW()).array();
    }
}

package bench;

import java.nio.ByteBuffer;

/** How many parts were heard, and what the readings in them come to. */
record Sum(long parts, long readings, long sumW) {
    static Sum of(byte[] bytes) {
        if (bytes == null) {
            return new Sum(0, 0, 0);
        }
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        return new Sum(buffer.getLong(), buffer.getLong(), buffer.getLong());
    }

    Sum plus(long moreReadings, long moreW) {
        return new Sum(parts, readings + moreReadings, sumW + moreW);
    }

    Sum plusPart(Sum part) {
        return new Sum(parts + 1, readings + part.readings, sumW + part.sumW);
    }

    byte[] toBytes() {
        return ByteBuffer.allocate(24).putLong(parts).putLong(readings).putLong(sumW).array();
    }
}

package bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.UncheckedIOException;

/** The fields of a reading that windows need. */
record Reading(long measuredAtMs, long activePowerW) {
    private static final JsonFactory JSON = new JsonFactory();

    static Reading parse(byte[] value) {
        long measuredAtMs = 0;
        long activePowerW = 0;
        try (JsonParser parser = JSON.createParser(value)) {
            while (parser.nextToken() != null) {
                if (parser.currentToken() == JsonToken.FIELD_NAME) {
                    String name = parser.currentName();
                    parser.nextToken();
                    if (name.equals("measured_at_ms")) {
                        measuredAtMs = parser.getLongValue();
                    } else if (name.equals("active_power_w")) {
                        activePowerW = parser.getLongValue();
                    }
                }
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return new Reading(measuredAtMs, activePowerW);
    }
}

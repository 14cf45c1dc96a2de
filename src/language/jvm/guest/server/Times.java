package ufr.guest;

import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.Year;
import java.time.YearMonth;
import java.time.ZonedDateTime;

/** How AWS's runtime writes java.time: points in time as seconds, local ones as arrays of their parts. */
final class Times {
    private static final BigDecimal ZERO = new BigDecimal("0.0");

    private Times() {}

    static void write(Object value, JsonWriter out) {
        if (value instanceof Instant) out.raw(seconds(((Instant) value).getEpochSecond(), ((Instant) value).getNano()));
        else if (value instanceof Duration) out.raw(seconds(((Duration) value).getSeconds(), ((Duration) value).getNano()));
        else if (value instanceof OffsetDateTime) write(((OffsetDateTime) value).toInstant(), out);
        else if (value instanceof ZonedDateTime) write(((ZonedDateTime) value).toInstant(), out);
        else if (value instanceof LocalDate) out.raw("[" + date((LocalDate) value) + "]");
        else if (value instanceof LocalTime) out.raw("[" + time((LocalTime) value) + "]");
        else if (value instanceof LocalDateTime) {
            LocalDateTime both = (LocalDateTime) value;
            out.raw("[" + date(both.toLocalDate()) + "," + time(both.toLocalTime()) + "]");
        } else if (value instanceof Year) out.raw(value.toString());
        else if (value instanceof YearMonth) out.raw("[" + ((YearMonth) value).getYear() + "," + ((YearMonth) value).getMonthValue() + "]");
        else out.write(value.toString());
    }

    private static String seconds(long seconds, int nanos) {
        if (seconds == 0 && nanos == 0) return ZERO.toString();
        return BigDecimal.valueOf(seconds).add(BigDecimal.valueOf(nanos, 9)).setScale(9).toPlainString();
    }

    private static String date(LocalDate date) {
        return date.getYear() + "," + date.getMonthValue() + "," + date.getDayOfMonth();
    }

    private static String time(LocalTime time) {
        String minutes = time.getHour() + "," + time.getMinute();
        if (time.getNano() > 0) return minutes + "," + time.getSecond() + "," + time.getNano();
        return time.getSecond() > 0 ? minutes + "," + time.getSecond() : minutes;
    }
}

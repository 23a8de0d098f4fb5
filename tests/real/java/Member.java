import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.FencedInstanceIdException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * A member of a group that prints what Kafka's VerifiableConsumer prints, and can do two things more: a record takes
 * time to process, and while a file is there it does not poll. A record is printed when it is done. All settings are in
 * the properties; without enable.auto.commit each poll is committed once it is processed.
 *
 * <p>MEMBER PROPERTIES TOPIC LEAST_MICROS MOST_MICROS STALL_FILE
 */
final class Member implements ConsumerRebalanceListener {
    /** A poll without records returns after so long: then the file is looked for again. */
    private static final Duration ROUND = Duration.ofMillis(50);
    private static final ObjectMapper JSON = new ObjectMapper();

    private final KafkaConsumer<String, String> consumer;
    private final boolean commits;
    private final long least;
    private final long most;
    private final Path stall;
    private volatile boolean closing;

    private Member(Properties config, long least, long most, Path stall) {
        this.commits = !Boolean.parseBoolean(config.getProperty("enable.auto.commit"));
        this.least = least;
        this.most = most;
        this.stall = stall;
        this.consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer());
    }

    public static void main(String[] arguments) throws IOException {
        if (arguments.length != 5) {
            System.err.println("usage: java Member PROPERTIES TOPIC LEAST_MICROS MOST_MICROS STALL_FILE");
            System.exit(2);
        }
        Properties config = new Properties();
        try (InputStream file = Files.newInputStream(Path.of(arguments[0]))) {
            config.load(file);
        }
        Member member = new Member(config, Long.parseLong(arguments[2]), Long.parseLong(arguments[3]),
            Path.of(arguments[4]));
        Thread worker = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            member.closing = true;
            member.consumer.wakeup();
            try {
                worker.join();
            } catch (InterruptedException error) {
                Thread.currentThread().interrupt();
            }
        }));
        member.run(arguments[1]);
    }

    private void run(String topic) {
        try {
            print(event("startup_complete"));
            consumer.subscribe(List.of(topic), this);
            while (!closing) {
                if (Files.exists(stall)) {
                    LockSupport.parkNanos(ROUND.toNanos() / 5);
                    continue;
                }
                ConsumerRecords<String, String> records = consumer.poll(ROUND);
                if (!records.isEmpty()) {
                    Map<TopicPartition, OffsetAndMetadata> done = work(records);
                    if (commits) {
                        commit(done);
                    }
                }
            }
        } catch (WakeupException closed) {
            // It is asked to end.
        } catch (RuntimeException error) {
            error.printStackTrace();
        } finally {
            consumer.close();
            print(event("shutdown_complete"));
        }
    }

    private Map<TopicPartition, OffsetAndMetadata> work(ConsumerRecords<String, String> records) {
        Map<TopicPartition, OffsetAndMetadata> done = new HashMap<>();
        ObjectNode consumed = event("records_consumed").put("count", records.count());
        ArrayNode partitions = consumed.putArray("partitions");
        for (TopicPartition place : records.partitions()) {
            List<ConsumerRecord<String, String>> all = records.records(place);
            for (ConsumerRecord<String, String> record : all) {
                long micros = least == most ? least : ThreadLocalRandom.current().nextLong(least, most + 1);
                long until = System.nanoTime() + micros * 1000;
                for (long left = until - System.nanoTime(); left > 0; left = until - System.nanoTime()) {
                    LockSupport.parkNanos(left);
                }
                print(place(event("record_data").put("key", record.key()).put("value", record.value()), place)
                    .put("offset", record.offset()));
            }
            long first = all.get(0).offset();
            long last = all.get(all.size() - 1).offset();
            place(partitions.addObject(), place).put("count", all.size()).put("minOffset", first)
                .put("maxOffset", last);
            done.put(place, new OffsetAndMetadata(last + 1));
        }
        // It is told when the work is done, as the tool does it.
        print(consumed.put("timestamp", System.currentTimeMillis()));
        return done;
    }

    private void commit(Map<TopicPartition, OffsetAndMetadata> done) {
        try {
            consumer.commitSync(done);
            committed(done, null);
        } catch (WakeupException closed) {
            // It comes once: what is done is committed before the end.
            commit(done);
            throw closed;
        } catch (FencedInstanceIdException fenced) {
            throw fenced;
        } catch (RuntimeException error) {
            committed(done, error);
        }
    }

    private void committed(Map<TopicPartition, OffsetAndMetadata> done, Exception error) {
        ObjectNode told = event("offsets_committed");
        ArrayNode offsets = told.putArray("offsets");
        done.forEach((place, next) -> place(offsets.addObject(), place).put("offset", next.offset()));
        if (error != null) {
            told.put("error", error.getMessage());
        }
        print(told.put("success", error == null));
    }

    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
        print(places(event("partitions_assigned"), partitions));
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        print(places(event("partitions_revoked"), partitions));
    }

    private static ObjectNode event(String name) {
        return JSON.createObjectNode().put("timestamp", System.currentTimeMillis()).put("name", name);
    }

    private static ObjectNode place(ObjectNode into, TopicPartition place) {
        return into.put("topic", place.topic()).put("partition", place.partition());
    }

    private static ObjectNode places(ObjectNode into, Collection<TopicPartition> partitions) {
        ArrayNode all = into.putArray("partitions");
        partitions.forEach(place -> place(all.addObject(), place));
        return into;
    }

    private static void print(ObjectNode line) {
        System.out.println(line);
    }
}

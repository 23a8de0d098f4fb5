// Kafka's own Java client against the brokers in KAFKA_BOOTSTRAP_SERVERS: a line for each feature, and status 1 if one fails.
//
// The same check as tests/clients/check.py: 1000 records with keys and headers, in every compression, read by a group of two
// that commits, leaves and comes again. The first argument is what the client is called in the table.

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.*;

public class Check {
    static final String SERVERS = System.getenv("KAFKA_BOOTSTRAP_SERVERS");
    static final int RECORDS = 1000;
    static final Duration PATIENCE = Duration.ofSeconds(30);

    static String name;
    static boolean failed;

    interface Work {
        void run() throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        name = arguments[0];
        for (String compression : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            tell(compression, () -> check(name + "-" + compression, compression, "classic"));
        }
        tell("resume", () -> check(name + "-none", "none", "classic"));
        System.exit(failed ? 1 : 0);
    }

    static void tell(String feature, Work work) {
        try {
            work.run();
            System.out.println(name + "\t" + feature + "\tok");
        } catch (Exception error) {
            failed = true;
            System.out.println(name + "\t" + feature + "\tFAILED");
            System.err.println(name + ": " + feature);
            error.printStackTrace();
        }
    }

    static byte[] number(int n) {
        return ByteBuffer.allocate(4).putInt(n).array();
    }

    static void write(String topic, String compression) throws Exception {
        Map<String, Object> settings = new HashMap<>();
        settings.put("bootstrap.servers", SERVERS);
        settings.put("client.id", name + "-writer");
        settings.put("compression.type", compression);
        settings.put("linger.ms", 5);
        List<Future<RecordMetadata>> sends = new ArrayList<>();
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            for (int n = 0; n < RECORDS; n++) {
                var record = new ProducerRecord<>(topic, "k" + n % 7, compression + " " + n);
                record.headers().add("number", number(n));
                sends.add(producer.send(record));
            }
            producer.flush();
            for (var send : sends) {
                send.get(30, TimeUnit.SECONDS);
            }
        }
    }

    static void check(String topic, String compression, String protocol) throws Exception {
        write(topic, compression);
        String group = topic + "-" + protocol;
        Queue<String> seen = new ConcurrentLinkedQueue<>();
        long until = System.nanoTime() + PATIENCE.toNanos();
        var committed = new CyclicBarrier(2);
        ExecutorService both = Executors.newFixedThreadPool(2);
        List<Future<?>> members = new ArrayList<>();
        for (int number = 0; number < 2; number++) {
            Map<String, Object> settings = new HashMap<>();
            settings.put("bootstrap.servers", SERVERS);
            settings.put("client.id", name + "-" + group + "-" + number);
            settings.put("group.id", group);
            settings.put("group.protocol", protocol);
            settings.put("auto.offset.reset", "earliest");
            settings.put("enable.auto.commit", "false");
            members.add(both.submit(() -> {
                try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
                    consumer.subscribe(List.of(topic));
                    while (seen.size() < RECORDS && System.nanoTime() < until) {
                        for (var record : consumer.poll(Duration.ofMillis(200))) {
                            byte[] header = record.headers().lastHeader("number").value();
                            seen.add(record.key() + " " + record.value() + " " + ByteBuffer.wrap(header).getInt());
                        }
                    }
                    consumer.commitSync();
                    // Whoever leaves makes the others join again.
                    committed.await(30, TimeUnit.SECONDS);
                }
                return null;
            }));
        }
        for (var member : members) {
            member.get(60, TimeUnit.SECONDS);
        }
        both.shutdown();
        Set<String> missing = new HashSet<>();
        for (int n = 0; n < RECORDS; n++) {
            missing.add("k" + n % 7 + " " + compression + " " + n + " " + n);
        }
        missing.removeAll(seen);
        if (seen.size() != RECORDS || !missing.isEmpty()) {
            throw new IllegalStateException(seen.size() + " records, " + missing.size() + " are missing");
        }
    }
}

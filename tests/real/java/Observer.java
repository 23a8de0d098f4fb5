import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.ListTopicsOptions;
import org.apache.kafka.clients.admin.MemberDescription;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.utils.Utils;

/**
 * What a running cluster says of itself, asked through Kafka's own Admin client and consumer: one command a line on
 * standard input, one JSON object a line on standard output. A command that Kafka refuses or that takes too long is
 * answered with {"ok":false,"error":"…"}; the process ends only with its input. It decides nothing: what an answer
 * means to an experiment is its caller's business.
 *
 * <p>brokers · create TOPIC R,R,R;R,R,R [key=value,…] (the replicas of each partition) · partition TOPIC N · partitions · coordinator GROUP ·
 * controller · group GROUP · read FILE TOPIC… · reassign TOPIC N R,R,R · cancel TOPIC N · elect TOPIC N (uncleanly) ·
 * grow TOPIC N · alter TOPIC key=value,…
 */
final class Observer {
    private static final String INTERNAL_OFFSETS = "__consumer_offsets";
    private static final int REQUEST_MS = 2000;
    private static final int CALL_MS = 5000;
    /** A final read without a record for so long has failed. */
    private static final long STUCK_MS = 30_000;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final String bootstrap;
    private final Admin admin;

    private Observer(String bootstrap) {
        this.bootstrap = bootstrap;
        this.admin = Admin.create(Map.of(
            "bootstrap.servers", bootstrap,
            "client.id", "observer",
            "request.timeout.ms", REQUEST_MS,
            "default.api.timeout.ms", CALL_MS,
            // A broker that comes back is asked again soon; one that is gone holds nobody up for long.
            "reconnect.backoff.max.ms", 500,
            "socket.connection.setup.timeout.ms", 1000,
            "socket.connection.setup.timeout.max.ms", 2000));
    }

    public static void main(String[] arguments) throws IOException {
        PrintStream answers = new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), true,
            StandardCharsets.UTF_8);
        // Logging's default goes to standard output, which is for answers alone.
        System.setOut(System.err);
        if (arguments.length != 1) {
            System.err.println("usage: java Observer.java BOOTSTRAP");
            System.exit(2);
        }
        Observer observer = new Observer(arguments[0]);
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            answers.println(JSON.writeValueAsString(observer.answer(line.strip().split("\\s+"))));
        }
        observer.admin.close(Duration.ZERO);
        System.exit(0);
    }

    private ObjectNode answer(String[] command) {
        try {
            ObjectNode answer = JSON.createObjectNode().put("ok", true);
            run(command, answer);
            return answer;
        } catch (Exception | LinkageError | OutOfMemoryError error) {
            Throwable cause = error instanceof ExecutionException && error.getCause() != null ? error.getCause() : error;
            String message = cause.getMessage() == null ? "" : ": " + cause.getMessage();
            return JSON.createObjectNode().put("ok", false).put("error", cause.getClass().getSimpleName() + message);
        }
    }

    private void run(String[] command, ObjectNode answer) throws Exception {
        switch (command[0]) {
            case "brokers" -> brokers(answer);
            case "create" -> create(command);
            case "partition" -> partition(argument(command, 1), number(command, 2), answer);
            case "partitions" -> partitions(answer);
            case "coordinator" -> coordinator(argument(command, 1), answer);
            case "controller" -> answer.put("controller", get(admin.describeMetadataQuorum().quorumInfo()).leaderId());
            case "group" -> group(argument(command, 1), answer);
            case "read" -> read(Path.of(argument(command, 1)), List.of(command).subList(2, command.length), answer);
            case "reassign" -> reassign(command, Optional.of(new NewPartitionReassignment(
                Stream.of(argument(command, 3).split(",")).map(Integer::valueOf).toList())));
            case "cancel" -> reassign(command, Optional.empty());
            case "elect" -> get(admin.electLeaders(ElectionType.UNCLEAN, Set.of(place(command))).all());
            case "grow" -> get(admin.createPartitions(
                Map.of(argument(command, 1), NewPartitions.increaseTo(number(command, 2)))).all());
            case "alter" -> alter(argument(command, 1), argument(command, 2));
            default -> throw new IllegalArgumentException("no command: " + command[0]);
        }
    }

    private static String argument(String[] command, int place) {
        if (place >= command.length) {
            throw new IllegalArgumentException(command[0] + ": argument " + place + " is missing");
        }
        return command[place];
    }

    private static int number(String[] command, int place) {
        return Integer.parseInt(argument(command, place));
    }

    private static TopicPartition place(String[] command) {
        return new TopicPartition(argument(command, 1), number(command, 2));
    }

    private void reassign(String[] command, Optional<NewPartitionReassignment> to) throws Exception {
        get(admin.alterPartitionReassignments(Map.of(place(command), to)).all());
    }

    private void alter(String topic, String pairs) throws Exception {
        List<AlterConfigOp> all = Stream.of(pairs.split(",")).map(pair -> pair.split("=", 2))
            .map(pair -> new AlterConfigOp(new ConfigEntry(pair[0], pair[1]), AlterConfigOp.OpType.SET)).toList();
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        get(admin.incrementalAlterConfigs(Map.of(resource, all)).all());
    }

    private static <T> T get(KafkaFuture<T> future) throws ExecutionException, InterruptedException, TimeoutException {
        return future.get(CALL_MS + REQUEST_MS, TimeUnit.MILLISECONDS);
    }

    /** Those that are not fenced. */
    private void brokers(ObjectNode answer) throws Exception {
        ArrayNode ids = answer.putArray("brokers");
        get(admin.describeCluster().nodes()).stream().mapToInt(Node::id).sorted().forEach(ids::add);
    }

    private void create(String[] command) throws Exception {
        Map<Integer, List<Integer>> replicas = new HashMap<>();
        for (String partition : argument(command, 2).split(";")) {
            replicas.put(replicas.size(), Stream.of(partition.split(",")).map(Integer::valueOf).toList());
        }
        NewTopic topic = new NewTopic(argument(command, 1), replicas);
        Map<String, String> configs = new HashMap<>();
        for (String pair : command.length > 3 ? command[3].split(",") : new String[0]) {
            String[] parts = pair.split("=", 2);
            if (parts.length < 2) {
                throw new IllegalArgumentException("no key=value: " + pair);
            }
            configs.put(parts[0], parts[1]);
        }
        get(admin.createTopics(List.of(topic.configs(configs))).all());
    }

    private Map<String, TopicDescription> describe(Collection<String> topics) throws Exception {
        return new TreeMap<>(get(admin.describeTopics(topics).allTopicNames()));
    }

    private TopicPartitionInfo info(String topic, int number) throws Exception {
        List<TopicPartitionInfo> all = describe(List.of(topic)).get(topic).partitions();
        return all.stream().filter(one -> one.partition() == number).findFirst()
            .orElseThrow(() -> new IllegalArgumentException(topic + " has no partition " + number));
    }

    private static ArrayNode ids(Collection<Node> nodes) {
        ArrayNode ids = JSON.createArrayNode();
        nodes.forEach(node -> ids.add(node.id()));
        return ids;
    }

    private static Integer leader(TopicPartitionInfo info) {
        // The broker answers with no leader, or with one whose address it does not know.
        return info.leader() == null || info.leader().isEmpty() ? null : Integer.valueOf(info.leader().id());
    }

    private static void show(TopicPartitionInfo info, ObjectNode into) {
        into.put("leader", leader(info));
        into.set("isr", ids(info.isr()));
        into.set("replicas", ids(info.replicas()));
    }

    private void partition(String topic, int number, ObjectNode answer) throws Exception {
        show(info(topic, number), answer);
    }

    private void partitions(ObjectNode answer) throws Exception {
        Set<String> topics = get(admin.listTopics(new ListTopicsOptions().listInternal(true)).names());
        ArrayNode all = answer.putArray("partitions");
        describe(topics).forEach((topic, description) -> {
            for (TopicPartitionInfo info : description.partitions()) {
                show(info, all.addObject().put("topic", topic).put("partition", info.partition()));
            }
        });
    }

    /**
     * By the group's partition of the offsets' topic, as the brokers find it: this needs no answer of the coordinator
     * itself, nor that the group exists already.
     */
    private void coordinator(String group, ObjectNode answer) throws Exception {
        int count = describe(List.of(INTERNAL_OFFSETS)).get(INTERNAL_OFFSETS).partitions().size();
        int number = Utils.abs(group.hashCode()) % count;
        answer.put("coordinator", leader(info(INTERNAL_OFFSETS, number)));
        answer.put("partition", INTERNAL_OFFSETS + "-" + number);
    }

    private void group(String group, ObjectNode answer) throws Exception {
        ConsumerGroupDescription description =
            get(admin.describeConsumerGroups(List.of(group)).describedGroups().get(group));
        answer.put("state", description.groupState().toString());
        Set<String> topics = new TreeSet<>();
        ArrayNode members = answer.putArray("members");
        for (MemberDescription member : description.members()) {
            ObjectNode one = members.addObject();
            one.put("client", member.clientId()).put("member", member.consumerId()).put("host", member.host());
            ArrayNode owned = one.putArray("partitions");
            member.assignment().topicPartitions().stream().map(TopicPartition::toString).sorted().forEach(owned::add);
            member.assignment().topicPartitions().forEach(place -> topics.add(place.topic()));
        }
        Map<TopicPartition, OffsetAndMetadata> committed =
            get(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata());
        committed.keySet().forEach(place -> topics.add(place.topic()));
        Map<TopicPartition, Long> starts = offsets(topics, place -> OffsetSpec.earliest());
        Map<TopicPartition, Long> ends = offsets(topics, place -> OffsetSpec.latest());
        ObjectNode shown = answer.putObject("committed");
        long lag = 0;
        for (Map.Entry<TopicPartition, Long> end : ends.entrySet()) {
            OffsetAndMetadata at = committed.get(end.getKey());
            if (at != null) {
                shown.put(end.getKey().toString(), at.offset());
            }
            long from = at == null ? starts.get(end.getKey()) : at.offset();
            lag += Math.max(0, end.getValue() - from);
        }
        answer.put("lag", lag);
    }

    /** Of every partition of the topics. */
    private Map<TopicPartition, Long> offsets(Set<String> topics, Function<TopicPartition, OffsetSpec> which)
            throws Exception {
        Map<TopicPartition, OffsetSpec> asked = new HashMap<>();
        for (TopicPartition place : places(topics)) {
            asked.put(place, which.apply(place));
        }
        Map<TopicPartition, Long> found = new HashMap<>();
        get(admin.listOffsets(asked).all()).forEach((place, info) -> found.put(place, info.offset()));
        return found;
    }

    private List<TopicPartition> places(Collection<String> topics) throws Exception {
        return describe(topics).entrySet().stream()
            .flatMap(topic -> topic.getValue().partitions().stream()
                .map(info -> new TopicPartition(topic.getKey(), info.partition())))
            .toList();
    }

    /** Every record from the start to the end as of now, which are read before the first of them. */
    private void read(Path file, List<String> topics, ObjectNode answer) throws Exception {
        if (topics.isEmpty()) {
            throw new IllegalArgumentException("read: which topics?");
        }
        Map<String, Object> config = Map.of(
            "bootstrap.servers", bootstrap,
            "client.id", "observer-read",
            "enable.auto.commit", false,
            "auto.offset.reset", "none",
            "allow.auto.create.topics", false,
            "request.timeout.ms", REQUEST_MS,
            "default.api.timeout.ms", CALL_MS);
        List<TopicPartition> places = places(topics);
        try (KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer());
             BufferedWriter out = Files.newBufferedWriter(file)) {
            consumer.assign(places);
            Map<TopicPartition, Long> starts = consumer.beginningOffsets(places);
            Map<TopicPartition, Long> ends = consumer.endOffsets(places);
            starts.forEach(consumer::seek);
            long records = 0;
            long last = System.nanoTime();
            while (!places.stream().allMatch(place -> consumer.position(place) >= ends.get(place))) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
                    TopicPartition place = new TopicPartition(record.topic(), record.partition());
                    last = System.nanoTime();
                    if (record.offset() < ends.get(place)) {
                        records++;
                        line(out, JSON.createObjectNode().put("partition", place.toString())
                            .put("offset", record.offset()).put("value", record.value())
                            .put("timestamp", record.timestamp()));
                    }
                }
                if (System.nanoTime() - last > TimeUnit.MILLISECONDS.toNanos(STUCK_MS)) {
                    throw new TimeoutException("no record for " + STUCK_MS + " ms, and not at the end");
                }
            }
            for (TopicPartition place : places) {
                line(out, JSON.createObjectNode().put("partition", place.toString())
                    .put("start", starts.get(place)).put("end", ends.get(place)));
            }
            answer.put("records", records).put("partitions", places.size());
        }
    }

    private static void line(BufferedWriter out, ObjectNode line) throws IOException {
        out.write(JSON.writeValueAsString(line));
        out.newLine();
    }
}

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Assignment;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.GroupSubscription;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Subscription;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.clients.consumer.RoundRobinAssignor;
import org.apache.kafka.clients.consumer.StickyAssignor;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.coordinator.group.api.assignor.ConsumerGroupPartitionAssignor;
import org.apache.kafka.coordinator.group.api.assignor.MemberAssignment;
import org.apache.kafka.coordinator.group.api.assignor.SubscriptionType;
import org.apache.kafka.coordinator.group.assignor.UniformAssignor;
import org.apache.kafka.coordinator.group.modern.GroupSpecImpl;
import org.apache.kafka.coordinator.group.modern.MemberSubscriptionAndAssignmentImpl;
import org.apache.kafka.coordinator.group.modern.SubscribedTopicDescriberImpl;
import org.apache.kafka.coordinator.group.modern.TopicMetadata;

/**
 * What Kafka's own assignors make of random small groups, one line each, for models/kafka/tests/assignors.rs. The
 * format stands in the lines that begin with #. From the root of the repository, after tests/real/setup:
 *
 * <p>java -cp 'target/real/jars/*' tests/real/java/Assignors.java CLIENT SERVER SEED > models/kafka/tests/data/assignors.txt
 *
 * <p>CLIENT and SERVER are the numbers of lines. Kafka walks some of its maps in the order of hashes. The names here are
 * chosen so that this order is known: ids of members and topics ascend, partitions of a topic descend.
 */
final class Assignors {
    /** One digit each: their hashes ascend in a table of any size that a group of six has. */
    private static final int MEMBER_IDS = 10;
    /** Within a table of sixteen the partitions 0 to 7 of these topics descend. */
    private static final String[] TOPICS = {"h", "i", "j"};
    private static final int MOST_MEMBERS = 6;
    private static final int MOST_PARTITIONS = 8;
    private static final int UNKNOWN = -1;

    private final Random random;
    private final Map<String, Integer> counts = new TreeMap<>();
    private final Map<String, Member> members = new TreeMap<>();

    private Assignors(Random random) {
        this.random = random;
    }

    private static final class Member {
        Optional<String> instance = Optional.empty();
        Set<String> topics = new TreeSet<>();
        Set<TopicPartition> owned = inOrder();
        int generation = UNKNOWN;
        Set<TopicPartition> previous = inOrder();
        int previousGeneration = UNKNOWN;
    }

    public static void main(String[] arguments) {
        // Before the first logger: Kafka's errors about double claims are wanted.
        System.setProperty("org.apache.logging.log4j.level", "OFF");
        int client = Integer.parseInt(arguments[0]);
        int server = Integer.parseInt(arguments[1]);
        Random random = new Random(Long.parseLong(arguments[2]));
        System.out.println("# Written by tests/real/java/Assignors.java with Apache Kafka "
            + org.apache.kafka.common.utils.AppInfoParser.getVersion() + "; do not edit.");
        System.out.println("# client TOPICS MEMBER… > range roundrobin sticky cooperative-sticky");
        System.out.println("# server TOPICS MEMBER… > uniform range");
        System.out.println("# TOPICS: each a letter and its number of partitions. MEMBER of a client line:");
        System.out.println("# id,instance,topics,owned,generation,remembered partitions,their generation");
        System.out.println("# MEMBER of a server line: id,instance,topics,target");
        System.out.println("# Results: each member's partitions, or the exception that was thrown.");
        for (int line = 0; line < client; line++) {
            System.out.println(new Assignors(random).client());
        }
        for (int line = 0; line < server; line++) {
            System.out.println(new Assignors(random).server());
        }
    }

    private String client() {
        group();
        boolean settled = random.nextInt(3) > 0;
        int newest = random.nextInt(3) + 3;
        claim(false);
        for (Member member : members.values()) {
            boolean known = !member.owned.isEmpty() || random.nextInt(3) > 0;
            boolean stale = !settled && random.nextInt(3) == 0;
            member.previousGeneration = known ? newest - (stale ? 1 + random.nextInt(2) : 0) : UNKNOWN;
            member.previous.addAll(member.owned);
            member.generation = random.nextInt(5) == 0 ? UNKNOWN : member.previousGeneration;
            if (!settled) {
                some(member.owned);
                some(member.previous);
            }
        }
        StringBuilder line = new StringBuilder("client ").append(topics());
        members.forEach((id, member) -> line.append(' ').append(String.join(",", id, member.instance.orElse("-"),
            names(member.topics), text(member.owned), generation(member.generation), text(member.previous),
            generation(member.previousGeneration))));
        line.append(" >");
        List<Supplier<ConsumerPartitionAssignor>> assignors = List.of(RangeAssignor::new, RoundRobinAssignor::new,
            StickyAssignor::new, CooperativeStickyAssignor::new);
        for (Supplier<ConsumerPartitionAssignor> assignor : assignors) {
            line.append(' ').append(result(() -> assign(assignor)));
        }
        return line.toString();
    }

    private String server() {
        group();
        claim(true);
        StringBuilder line = new StringBuilder("server ").append(topics());
        members.forEach((id, member) -> line.append(' ').append(String.join(",", id, member.instance.orElse("-"),
            names(member.topics), text(member.owned))));
        line.append(" >");
        List<ConsumerGroupPartitionAssignor> assignors =
            List.of(new UniformAssignor(), new org.apache.kafka.coordinator.group.assignor.RangeAssignor());
        for (ConsumerGroupPartitionAssignor assignor : assignors) {
            line.append(' ').append(result(() -> assign(assignor)));
        }
        return line.toString();
    }

    /** Topics and members, with what they subscribe to. */
    private void group() {
        int topics = 1 + random.nextInt(TOPICS.length);
        for (int topic = 0; topic < topics; topic++) {
            boolean empty = random.nextInt(12) == 0;
            counts.put(TOPICS[topic], empty ? 0 : 1 + random.nextInt(MOST_PARTITIONS));
        }
        List<String> ids = digits();
        List<String> instances = digits();
        boolean isStatic = random.nextInt(3) == 0;
        boolean isHomogeneous = random.nextInt(5) < 2;
        Set<String> all = subscription();
        int size = 1 + random.nextInt(MOST_MEMBERS);
        for (int index = 0; index < size; index++) {
            Member member = new Member();
            if (isStatic && random.nextInt(3) > 0) {
                member.instance = Optional.of(instances.get(index));
            }
            member.topics.addAll(isHomogeneous ? all : subscription());
            if (random.nextInt(40) == 0) {
                member.topics.clear();
            }
            members.put(ids.get(index), member);
        }
    }

    private List<String> digits() {
        List<String> digits = new ArrayList<>();
        for (int digit = 0; digit < MEMBER_IDS; digit++) {
            digits.add(Integer.toString(digit));
        }
        Collections.shuffle(digits, random);
        return digits;
    }

    private Set<String> subscription() {
        Set<String> topics = new TreeSet<>();
        while (topics.isEmpty()) {
            counts.keySet().stream().filter(topic -> random.nextInt(3) > 0).forEach(topics::add);
        }
        return topics;
    }

    /** No partition twice: nothing, in turn over some members, or anyhow. */
    private void claim(boolean isTarget) {
        int kind = random.nextInt(4);
        List<Member> owners = new ArrayList<>(members.values());
        Collections.shuffle(owners, random);
        owners = owners.subList(0, 1 + random.nextInt(owners.size()));
        int turn = 0;
        for (TopicPartition partition : all()) {
            Member owner = owners.get(kind == 1 ? turn++ % owners.size() : random.nextInt(owners.size()));
            boolean strange = !owner.topics.contains(partition.topic());
            if (kind == 0 || random.nextInt(8) == 0 || strange && random.nextInt(4) > 0) {
                continue;
            }
            owner.owned.add(partition);
        }
    }

    private void some(Set<TopicPartition> claims) {
        for (TopicPartition partition : all()) {
            if (random.nextInt(10) == 0) {
                claims.add(partition);
            }
        }
    }

    private Set<TopicPartition> all() {
        Set<TopicPartition> all = inOrder();
        counts.forEach((topic, count) -> {
            for (int partition = 0; partition < count; partition++) {
                all.add(new TopicPartition(topic, partition));
            }
        });
        return all;
    }

    private Map<String, Set<TopicPartition>> assign(Supplier<ConsumerPartitionAssignor> assignor) {
        Map<String, Subscription> subscriptions = new HashMap<>();
        members.forEach((id, member) -> {
            ConsumerPartitionAssignor own = assignor.get();
            if (member.previousGeneration != UNKNOWN) {
                own.onAssignment(new Assignment(new ArrayList<>(member.previous)),
                    new ConsumerGroupMetadata("group", member.previousGeneration, id, member.instance));
            }
            Subscription subscription = new Subscription(new ArrayList<>(member.topics),
                own.subscriptionUserData(member.topics), new ArrayList<>(member.owned), member.generation,
                Optional.empty());
            subscription.setGroupInstanceId(member.instance);
            subscriptions.put(id, subscription);
        });
        List<PartitionInfo> partitions = new ArrayList<>();
        Node node = new Node(1, "broker", 9092);
        for (TopicPartition partition : all()) {
            Node[] nodes = {node};
            partitions.add(new PartitionInfo(partition.topic(), partition.partition(), node, nodes, nodes));
        }
        Cluster cluster = new Cluster("cluster", List.of(node), partitions, Set.of(), Set.of());
        Map<String, Set<TopicPartition>> shares = new TreeMap<>();
        assignor.get().assign(cluster, new GroupSubscription(subscriptions)).groupAssignment()
            .forEach((id, assignment) -> shares.put(id, sorted(assignment.partitions())));
        return shares;
    }

    private Map<String, Set<TopicPartition>> assign(ConsumerGroupPartitionAssignor assignor) {
        Map<Uuid, TopicMetadata> metadata = new HashMap<>();
        counts.forEach((topic, count) -> {
            if (count > 0) {
                metadata.put(id(topic), new TopicMetadata(id(topic), topic, count));
            }
        });
        Map<String, MemberSubscriptionAndAssignmentImpl> specs = new HashMap<>();
        Map<Uuid, Map<Integer, String>> inverted = new HashMap<>();
        members.forEach((id, member) -> {
            Map<Uuid, Set<Integer>> target = new HashMap<>();
            for (TopicPartition partition : member.owned) {
                Uuid topic = id(partition.topic());
                target.computeIfAbsent(topic, key -> new HashSet<>()).add(partition.partition());
                inverted.computeIfAbsent(topic, key -> new HashMap<>()).put(partition.partition(), id);
            }
            Set<Uuid> topics = new HashSet<>();
            member.topics.stream().map(Assignors::id).filter(metadata::containsKey).forEach(topics::add);
            specs.put(id, new MemberSubscriptionAndAssignmentImpl(Optional.empty(), member.instance, topics,
                new org.apache.kafka.coordinator.group.modern.Assignment(Collections.unmodifiableMap(target))));
        });
        boolean isHomogeneous = members.values().stream().map(member -> member.topics).distinct().count() == 1;
        SubscriptionType type = isHomogeneous ? SubscriptionType.HOMOGENEOUS : SubscriptionType.HETEROGENEOUS;
        Map<String, MemberAssignment> assignments = assignor
            .assign(new GroupSpecImpl(specs, type, inverted), new SubscribedTopicDescriberImpl(metadata)).members();
        Map<String, Set<TopicPartition>> shares = new TreeMap<>();
        for (String id : members.keySet()) {
            List<TopicPartition> share = new ArrayList<>();
            if (assignments.containsKey(id)) {
                assignments.get(id).partitions().forEach((topic, numbers) ->
                    numbers.forEach(number -> share.add(new TopicPartition(name(topic), number))));
            }
            shares.put(id, sorted(share));
        }
        return shares;
    }

    /** A small number, so that hashes ascend. */
    private static Uuid id(String topic) {
        return new Uuid(0, topic.charAt(0));
    }

    private static String name(Uuid topic) {
        return String.valueOf((char) topic.getLeastSignificantBits());
    }

    private static Set<TopicPartition> inOrder() {
        return new TreeSet<>((one, other) -> text(one).compareTo(text(other)));
    }

    /** A partition that is handed out twice is not lost on the way. */
    private static Set<TopicPartition> sorted(List<TopicPartition> partitions) {
        Set<TopicPartition> sorted = inOrder();
        sorted.addAll(partitions);
        if (sorted.size() != partitions.size()) {
            throw new IllegalArgumentException("twice in " + partitions);
        }
        return sorted;
    }

    private static String result(Supplier<Map<String, Set<TopicPartition>>> assign) {
        try {
            StringBuilder text = new StringBuilder();
            assign.get().values().forEach(share -> text.append(text.length() == 0 ? "" : ",").append(text(share)));
            return text.toString();
        } catch (RuntimeException thrown) {
            return "!" + thrown.getClass().getSimpleName();
        }
    }

    private String topics() {
        StringBuilder text = new StringBuilder();
        counts.forEach((topic, count) -> text.append(topic).append(count));
        return text.toString();
    }

    private static String names(Set<String> topics) {
        return topics.isEmpty() ? "-" : String.join("", topics);
    }

    private static String generation(int generation) {
        return generation == UNKNOWN ? "-" : Integer.toString(generation);
    }

    private static String text(TopicPartition partition) {
        return partition.topic() + partition.partition();
    }

    private static String text(Set<TopicPartition> partitions) {
        StringBuilder text = new StringBuilder();
        partitions.forEach(partition -> text.append(text(partition)));
        return text.length() == 0 ? "-" : text.toString();
    }
}
